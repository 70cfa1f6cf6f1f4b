/* The console's own script: theme, ticking times, polling at the right moments,
   and what to say when the server is away.
   Everything works without it, only not by itself. */
"use strict";

(() => {
  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];

  // ------------------------------------------------------- theme: before the first paint, so that nothing flashes
  function readTheme() {
    try {
      return localStorage.getItem("headend-theme") || "auto";
    } catch {
      return "auto";
    }
  }
  function applyTheme(theme) {
    root.dataset.theme = theme;
    for (const label of document.querySelectorAll("[data-theme-name]")) label.textContent = theme;
  }
  applyTheme(readTheme());

  function nextTheme() {
    const theme = THEMES[(THEMES.indexOf(readTheme()) + 1) % THEMES.length];
    try {
      localStorage.setItem("headend-theme", theme);
    } catch {
      /* private window: the choice holds for this page */
    }
    applyTheme(theme);
  }

  // ---------------------------------------------------------------- time
  // The server's clock counts, not this machine's: its Date header gives the difference.
  let serverAheadMs = Number(root.dataset.now) ? Number(root.dataset.now) - Date.now() : 0;
  const now = () => Date.now() + serverAheadMs;
  const two = (n) => String(n).padStart(2, "0");

  function spoken(seconds) {
    const s = Math.abs(seconds);
    if (s < 90) return `${Math.round(s)} s`;
    if (s < 5400) return `${Math.round(s / 60)} min`;
    if (s < 172800) {
      const minutes = Math.round(s / 60);
      const hours = Math.floor(minutes / 60);
      return minutes % 60 && hours < 10 ? `${hours} h ${minutes % 60} min` : `${Math.round(s / 3600)} h`;
    }
    return `${Math.round(s / 86400)} d`;
  }
  function relative(seconds) {
    if (Math.abs(seconds) < 1) return "now";
    return seconds > 0 ? `in ${spoken(seconds)}` : `${spoken(seconds)} ago`;
  }
  function countdown(seconds) {
    const s = Math.floor(Math.abs(seconds));
    const days = Math.floor(s / 86400);
    const clock = `${two(Math.floor((s % 86400) / 3600))}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
    return `T${seconds > 0 ? "−" : "+"}${days ? `${days}d ` : ""}${clock}`;
  }
  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function tick() {
    const at = now();
    for (const element of document.querySelectorAll("time[data-relative]")) {
      put(element, relative((Date.parse(element.dateTime) - at) / 1000));
    }
    for (const element of document.querySelectorAll("time[data-countdown]")) {
      const seconds = (Date.parse(element.dateTime) - at) / 1000;
      put(element, countdown(seconds));
      element.classList.toggle("soon", seconds > 0 && seconds <= 60);
    }
    for (const element of document.querySelectorAll("[data-clock]")) {
      const zone = element.dataset.clock || "UTC";
      put(element, new Date(at).toLocaleTimeString("en-GB", { timeZone: zone, hour12: false }));
    }
  }

  // ---------------------------------------------------------------- polling
  const MISSED_PACE_MS = 5000;
  const asked = new WeakMap();
  let lostSince = null;

  function poll(force) {
    if (document.hidden || !window.htmx) return;
    for (const element of document.querySelectorAll("[data-pace]")) {
      const pace = lostSince ? MISSED_PACE_MS : Number(element.dataset.pace);
      const last = asked.get(element) ?? loadedAt;
      if (force || Date.now() - last >= pace) {
        asked.set(element, Date.now());
        window.htmx.trigger(element, "headend:poll", {}, false);
      }
    }
  }
  const loadedAt = Date.now();

  function lost(why) {
    const banner = document.getElementById("connection");
    if (!banner) return;
    if (!lostSince) lostSince = new Date(now());
    const since = lostSince.toISOString().slice(11, 19);
    put(
      banner.querySelector("[data-text]"),
      `Not connected since ${since} UTC: ${why}. What you see is from then; trying again.`,
    );
    banner.hidden = false;
  }
  function found() {
    if (!lostSince) return;
    lostSince = null;
    document.getElementById("connection").hidden = true;
  }
  function tell(text, level) {
    const area = document.getElementById("messages");
    const box = document.getElementById("message-template").content.cloneNode(true);
    box.firstElementChild.classList.add(level);
    box.querySelector("[data-text]").textContent = text;
    area.replaceChildren(box);
  }
  const REFUSALS = {
    403: "Not accepted: this page is older than your login, or Headend does not know the address it was opened at.",
    404: "What this was about is not there any more.",
  };
  const isPoll = (context) => Boolean(context?.sourceElement?.dataset?.pace);

  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    const response = ctx.response.raw;
    const date = Date.parse(response.headers.get("Date") || "");
    if (date) {
      const ahead = date + 500 - Date.now(); // the header has whole seconds
      if (Math.abs(ahead - serverAheadMs) > 1500) serverAheadMs = ahead;
    }
    if (response.status >= 500) {
      event.preventDefault();
      if (isPoll(ctx)) lost(`the server answers ${response.status}`);
      else
        tell(
          `The server answered ${response.status}. Look at the activity log to see whether anything was done.`,
          "error",
        );
      return;
    }
    found();
    const ticket = response.headers.get("Headend-Version");
    if (ticket && isPoll(ctx)) {
      // What is shown is still right; only what to ask with is another.
      const poller = ctx.sourceElement;
      poller.setAttribute("hx-get", poller.getAttribute("hx-get").replace(/([?&]version=)[^&]*$/, `$1${ticket}`));
    }
    // Our own sentences come with HX-Trigger; anything else that refuses is a whole page, and belongs in none.
    if (response.status >= 400 && !isPoll(ctx) && !response.headers.has("HX-Trigger")) {
      event.preventDefault();
      const fact = REFUSALS[response.status] || `The server refused it (${response.status}).`;
      tell(`${fact} Nothing was changed. Reload the page and try again.`, "error");
      return;
    }
    // A redirect that a fragment follows ends on another page: the login page, once the session has run out.
    if (response.redirected && new URL(response.url).pathname !== new URL(ctx.request.action, location.href).pathname) {
      event.preventDefault();
      location.reload();
    }
  });
  document.addEventListener("htmx:error", (event) => {
    const { ctx } = event.detail;
    if (isPoll(ctx)) lost("the server does not answer");
    else if (ctx) tell("The server does not answer, so nothing is known of what you asked for.", "error");
  });
  document.addEventListener("htmx:after:swap", tick);
  document.addEventListener("headend:look", () => poll(true));
  document.addEventListener("visibilitychange", () => poll(true));
  window.addEventListener("online", () => poll(true));

  // ---------------------------------------------------------------- small things
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-action]");
    // The state changed while the page was open: its button came with the live part, its form comes with the page.
    if (link?.hash && link.pathname === location.pathname && !document.getElementById(link.hash.slice(1))) {
      event.preventDefault();
      location.hash = link.hash;
      location.reload();
    }
    const target = event.target.closest("[data-do]");
    if (!target) return;
    if (target.dataset.do === "theme") nextTheme();
    if (target.dataset.do === "close-message") target.closest(".message").remove();
    if (target.dataset.do === "all" || target.dataset.do === "none") {
      for (const box of target.closest("fieldset").querySelectorAll("input[type=checkbox]:not(:disabled)")) {
        box.checked = target.dataset.do === "all";
      }
    }
  });
  document.addEventListener("submit", (event) => {
    const open = event.target.closest("[popover]");
    if (open?.matches(":popover-open")) open.hidePopover();
  });
  document.addEventListener("change", (event) => {
    event.target.closest("form[data-auto]")?.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const search = document.querySelector("input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    applyTheme(readTheme());
    root.classList.add("js");
    document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest" });
    tick();
    setInterval(() => {
      tick();
      poll(false);
    }, 1000);
  });
})();
