/* Find anything: Ctrl K opens a field over the page, the server answers, arrow keys choose.
   Without this script the magnifying glass leads to a page that does the same. */
"use strict";

(() => {
  const RESTS_MS = 150;
  const KEEPS = 8;
  const KEY = "headend-recent";
  let before = null;
  let chosen = -1;
  let waits = 0;
  let asked = 0;

  const dialog = () => document.getElementById("palette");
  const field = () => dialog().querySelector("input");
  const list = () => document.getElementById("palette-list");
  const hits = () => [...list().querySelectorAll("a.hit")];

  function recent() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(kept) ? kept.filter((one) => one.address?.startsWith("/") && one.title) : [];
    } catch {
      return [];
    }
  }
  function remember(hit) {
    const one = {
      address: hit.getAttribute("href"),
      title: hit.querySelector("b").textContent,
      kind: hit.querySelector(".tag").textContent,
    };
    const kept = [one, ...recent().filter((other) => other.address !== one.address)].slice(0, KEEPS);
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      /* private window: nothing is remembered */
    }
  }
  function choose(place) {
    const found = hits();
    chosen = found.length ? (place + found.length) % found.length : -1;
    for (const [number, hit] of found.entries()) hit.setAttribute("aria-selected", String(number === chosen));
    if (chosen < 0) field().removeAttribute("aria-activedescendant");
    else {
      field().setAttribute("aria-activedescendant", found[chosen].id);
      found[chosen].scrollIntoView({ block: "nearest" });
    }
  }
  function withRecent(words) {
    const wanted = words.toLowerCase();
    const there = new Map(hits().map((hit) => [hit.getAttribute("href"), hit]));
    for (const one of recent().reverse()) {
      if (!one.title.toLowerCase().includes(wanted)) continue;
      let hit = there.get(one.address);
      if (!hit) {
        if (words) continue; // what the server does not find any more is not offered
        hit = document.createElement("a");
        hit.className = "hit";
        hit.href = one.address;
        hit.setAttribute("role", "option");
        hit.tabIndex = -1;
        const tag = document.createElement("span");
        tag.className = "tag";
        tag.textContent = one.kind;
        const title = document.createElement("b");
        title.className = "clip";
        title.textContent = one.title;
        hit.append(tag, title);
      }
      list().prepend(hit);
    }
    for (const [number, hit] of hits().entries()) hit.id = `hit-${number + 1}`;
  }
  async function look() {
    const words = field().value.trim();
    asked += 1;
    const mine = asked;
    const says = dialog().querySelector("[data-palette-says]");
    try {
      const answer = await fetch(`${dialog().dataset.address}?q=${encodeURIComponent(words)}`, {
        headers: { "HX-Request": "true" },
        redirect: "error",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      if (mine !== asked) return;
      const read = new DOMParser().parseFromString(html, "text/html");
      list().replaceChildren(...read.body.childNodes);
      withRecent(words);
      choose(0);
      says.textContent = `${hits().length} found`;
    } catch {
      if (mine === asked) says.textContent = "The server does not answer.";
    }
  }
  function open() {
    if (dialog().open) return;
    before = document.activeElement;
    dialog().showModal();
    field().select();
    look();
  }
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-palette-open]");
    if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      open();
      return;
    }
    const hit = event.target.closest("#palette a.hit");
    if (hit) remember(hit);
    if (event.target.matches("dialog.palette")) event.target.close(); // the backdrop
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      open();
      return;
    }
    if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && !document.querySelector("dialog[open]")) {
      if (event.key === "/" && !document.querySelector("main input[type=search]")) {
        event.preventDefault();
        open();
      } else if (event.key === "?") {
        event.preventDefault();
        before = document.activeElement;
        document.getElementById("shortcuts").showModal();
      }
      return;
    }
    if (event.target !== field()) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && hits()[chosen]) {
      event.preventDefault();
      hits()[chosen].click();
    }
  });
  document.addEventListener("DOMContentLoaded", () => {
    field().addEventListener("input", () => {
      clearTimeout(waits);
      waits = setTimeout(look, RESTS_MS);
    });
    for (const one of document.querySelectorAll("dialog.palette")) {
      one.addEventListener("close", () => before?.focus?.());
    }
  });
})();
