/* Copy what is shown once: `data-copy` names the element whose text it is. Without a script it can be selected. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue; // over plain HTTP a browser has none
    button.hidden = false;
    button.addEventListener("click", async () => {
      const label = button.querySelector("[data-copied]");
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
        label.textContent = "Copied";
      } catch {
        label.textContent = "Select it and copy by hand";
      }
    });
  }
});
