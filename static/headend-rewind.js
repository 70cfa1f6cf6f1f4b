/* The slider of the past: says the instant while it is drawn, and goes there once it rests.
   Without this script the form beside it has a button. */
"use strict";

(() => {
  const RESTS_MS = 500;
  const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const two = (n) => String(n).padStart(2, "0");
  let waits = 0;

  function said(seconds) {
    const at = new Date(seconds * 1000);
    const day = `${DAYS[at.getUTCDay()]} ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
    return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`;
  }
  document.addEventListener("input", (event) => {
    const slider = event.target.closest("[data-slide] input[type=range]");
    if (!slider) return;
    const text = said(Number(slider.value));
    slider.setAttribute("aria-valuetext", text);
    slider.form.querySelector("[data-slide-says]").textContent = text;
    clearTimeout(waits);
    waits = setTimeout(() => {
      try {
        sessionStorage.setItem("headend-slide", "1");
      } catch {
        /* private window: the focus is lost, nothing else */
      }
      slider.form.requestSubmit();
    }, RESTS_MS);
  });
  document.addEventListener("DOMContentLoaded", () => {
    // Whoever walks with the arrow keys goes on from where the page was loaded anew.
    try {
      if (sessionStorage.getItem("headend-slide")) document.getElementById("slider")?.focus({ preventScroll: true });
      sessionStorage.removeItem("headend-slide");
    } catch {
      /* private window */
    }
  });
})();
