/* The player on the page of a video: keys, frame steps, original and prepared side by side, the needle on the line.
   Without it the browser's own controls play the file. */
"use strict";

(() => {
  const STEP_SECONDS = 5;
  const APART_SECONDS = 0.08;

  function clock(seconds) {
    const minutes = Math.floor(seconds / 60);
    return `${minutes}:${(seconds - minutes * 60).toFixed(2).padStart(5, "0")}`;
  }

  function begin(panel) {
    const screens = [...panel.querySelectorAll("[data-screen]")];
    const films = new Map(screens.map((screen) => [screen.dataset.screen, screen.querySelector("video")]));
    if (!films.size) return;
    const frame = 1 / (Number(panel.dataset.rate) || 25);
    let shown = films.has("prepared") ? "prepared" : "original";
    const main = () => films.get(shown === "both" ? "prepared" : shown);
    const other = () => (shown === "both" ? films.get("original") : null);

    // ------------------------------------------------------------------ which file
    function show(which) {
      const at = main().currentTime;
      for (const film of films.values()) film.pause();
      shown = which;
      for (const screen of screens) screen.hidden = shown !== "both" && screen.dataset.screen !== shown;
      for (const tab of panel.querySelectorAll("[data-show]")) {
        tab.setAttribute("aria-pressed", String(tab.dataset.show === shown));
      }
      panel.classList.toggle("both", shown === "both");
      films.get("original").muted = shown === "both";
      films.get("original").preload = "auto";
      goTo(at);
    }
    function goTo(seconds) {
      const end = Number.isFinite(main().duration) ? main().duration : seconds;
      const at = Math.min(Math.max(seconds, 0), end);
      main().currentTime = at;
      if (other()) other().currentTime = at;
    }
    function together() {
      const second = other();
      if (!second || second.error) return;
      if (Math.abs(second.currentTime - main().currentTime) > APART_SECONDS) second.currentTime = main().currentTime;
      second.playbackRate = main().playbackRate;
    }

    // ------------------------------------------------------------------ what each film tells
    const needle = panel.querySelector("[data-needle]");
    const told = panel.querySelector("[data-clock-at]");
    const here = panel.querySelector("[data-here] input[name=at]");
    function tell() {
      const { currentTime, duration } = main();
      if (needle && duration) needle.style.left = `${(currentTime / duration) * 100}%`;
      if (told) told.textContent = clock(currentTime);
      if (here && document.activeElement !== here) here.value = currentTime.toFixed(2);
    }
    for (const film of films.values()) {
      const isMain = () => main() === film;
      film.addEventListener(
        "play",
        () =>
          isMain() &&
          other()
            ?.play()
            .catch(() => {}),
      );
      film.addEventListener("pause", () => isMain() && other()?.pause());
      for (const kind of ["seeked", "timeupdate", "ratechange"]) {
        film.addEventListener(kind, () => {
          if (!isMain()) return;
          together();
          tell();
        });
      }
      film.addEventListener("error", () => {
        film.closest("[data-screen]").querySelector("[data-cannot]").hidden = false;
      });
    }

    // ------------------------------------------------------------------ hands
    panel.addEventListener("click", (event) => {
      const tab = event.target.closest("[data-show]");
      if (tab) show(tab.dataset.show);
      const line = event.target.closest("[data-line]");
      if (line && Number.isFinite(main().duration)) {
        const box = line.getBoundingClientRect();
        goTo(((event.clientX - box.left) / box.width) * main().duration);
      }
    });
    const KEYS = {
      " ": () => (main().paused ? main().play() : main().pause()),
      ArrowLeft: () => goTo(main().currentTime - STEP_SECONDS),
      ArrowRight: () => goTo(main().currentTime + STEP_SECONDS),
      ",": () => step(-1),
      ".": () => step(1),
      m: () => {
        main().muted = !main().muted;
      },
      f: () => (document.fullscreenElement ? document.exitFullscreen() : main().requestFullscreen()),
    };
    function step(by) {
      main().pause();
      // To the middle of a frame: its very first instant may still show the one before.
      goTo((Math.floor(main().currentTime / frame + 1e-6) + by + 0.5) * frame);
    }
    document.addEventListener(
      "keydown",
      (event) => {
        const busy = event.target.closest?.("input, textarea, select, button, a, summary, [contenteditable]");
        if (busy || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
        const box = panel.getBoundingClientRect();
        if (box.bottom < 0 || box.top > window.innerHeight) return;
        event.preventDefault();
        event.stopPropagation();
        KEYS[event.key]();
      },
      true,
    );
    tell();
  }

  for (const panel of document.querySelectorAll("[data-player]")) begin(panel);
})();
