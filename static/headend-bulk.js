/* Many rows at once: which are ticked is kept while the list renews itself, and counted in the bar below it. */
"use strict";

(() => {
  const picked = new Set();
  const bar = () => document.getElementById("bulk");
  const boxes = () => [...document.querySelectorAll("input.tick[form=bulk]")];

  function show() {
    if (!bar()) return;
    const all = bar().querySelector("[data-bulk=all]")?.checked;
    for (const box of boxes()) box.checked = picked.has(box.value);
    bar().querySelector("[data-bulk-count]").textContent = all ? "all" : String(picked.size);
    const verb = bar().querySelector("[name=verb]")?.value;
    for (const field of bar().querySelectorAll("[data-bulk-needs]")) {
      field.hidden = !field.dataset.bulkNeeds.split(" ").includes(verb);
    }
  }

  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches?.("input.tick[form=bulk]")) {
      if (box.checked) picked.add(box.value);
      else picked.delete(box.value);
    }
    if (box.form === bar()) show();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-bulk=page]")) return;
    const every = boxes().every((box) => picked.has(box.value));
    for (const box of boxes()) {
      if (every) picked.delete(box.value);
      else picked.add(box.value);
    }
    show();
  });
  // What was ticked and is on another page, or gone from this one by now, is still meant.
  document.addEventListener("submit", (event) => {
    if (event.target !== bar()) return;
    const here = new Set(boxes().map((box) => box.value));
    for (const extra of bar().querySelectorAll("input[data-bulk-extra]")) extra.remove();
    for (const value of picked) {
      if (here.has(value)) continue;
      const extra = document.createElement("input");
      Object.assign(extra, { type: "hidden", name: bar().dataset.name || "picked", value });
      extra.dataset.bulkExtra = "1";
      bar().append(extra);
    }
  });
  document.addEventListener("htmx:after:swap", show);
  document.addEventListener("DOMContentLoaded", () => {
    for (const box of boxes()) if (box.checked) picked.add(box.value);
    show();
  });
})();
