/* The page of a channel: opens the section that an address names, walks the week by arrow keys, takes days from the
   calendar. Everything works without it. */
"use strict";

(() => {
  // ------------------------------------------------------------------ sections
  function openNamed() {
    const section = document.getElementById(location.hash.slice(1));
    if (section?.matches("details.section") && !section.open) section.open = true;
  }

  // -------------------------------------------------- a new channel: its short name, its zone, its repository
  function slugOf(name) {
    return name
      .normalize("NFKD")
      .replace(/[\u0300-\u036f]/g, "")
      .toLowerCase()
      .replace(/[^a-z0-9_\s-]/g, "")
      .trim()
      .replace(/[-\s]+/g, "-")
      .slice(0, 56);
  }
  function prepareNew(form) {
    const { name, slug, timezone } = form.elements;
    let own = slug.value !== "";
    slug.addEventListener("input", () => {
      own = slug.value !== "";
    });
    name.addEventListener("input", () => {
      if (!own) slug.value = slugOf(name.value);
    });
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const known = [...document.querySelectorAll("#zone-names option")].some((option) => option.value === here);
    if (timezone.value === "UTC" && known && !form.querySelector(".errors")) timezone.value = here;
  }
  function showRepository(form) {
    const { executor, repository } = form.elements;
    if (executor && repository) repository.closest(".field").hidden = executor.value !== "github" && !repository.value;
  }

  // ---------------------------------------------------------------- week grid: one stop for Tab, arrows inside
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  let lastCell = null;

  function place(button) {
    const cell = button.closest("td");
    return [cell.parentElement.sectionRowIndex, cell.cellIndex];
  }
  function buttonAt(grid, row, column) {
    return grid.tBodies[0].rows[row]?.cells[column]?.querySelector("button") ?? null;
  }
  function prepareGrid(grid) {
    const [row, column] = lastCell ?? [18, 1];
    for (const button of grid.querySelectorAll("tbody button")) button.tabIndex = -1;
    const first = buttonAt(grid, row, column);
    if (first) first.tabIndex = 0;
  }
  function walk(event) {
    const button = event.target.closest?.("[data-week-grid] tbody button");
    const step = STEPS[event.key];
    if (!button || !step) return;
    const [row, column] = place(button);
    const next = buttonAt(button.closest("table"), row + step[0], column + step[1]);
    if (!next) return;
    event.preventDefault();
    button.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    lastCell = place(next);
  }

  // ------------------------------------------------------------- blackouts: first and last day by two presses
  function chooseDay(cell) {
    const section = cell.closest("details.section");
    const from = section.querySelector("#id_new_blackout_first_date");
    const to = section.querySelector("#id_new_blackout_last_date");
    if (!from || !to) return;
    const day = cell.dataset.day;
    if (!from.value || to.value || day < from.value) {
      from.value = day;
      to.value = "";
    } else {
      to.value = day;
    }
    for (const each of section.querySelectorAll("[data-day]")) {
      const at = each.dataset.day;
      each.classList.toggle("chosen", at === from.value || (to.value !== "" && at > from.value && at <= to.value));
    }
  }

  function prepare() {
    for (const grid of document.querySelectorAll("[data-week-grid]")) prepareGrid(grid);
    for (const form of document.querySelectorAll("form")) showRepository(form);
  }

  document.addEventListener("keydown", walk);
  document.addEventListener("focusin", (event) => {
    const button = event.target.closest?.("[data-week-grid] tbody button");
    if (button) lastCell = place(button);
  });
  document.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-year] [data-day]");
    if (cell) chooseDay(cell);
  });
  document.addEventListener("change", (event) => {
    if (event.target.name === "executor") showRepository(event.target.form);
  });
  document.addEventListener("htmx:after:swap", () => {
    prepare();
    // What was pressed is another button now: a slot where a free hour was.
    const grid = document.querySelector("[data-week-grid]");
    if (grid && lastCell && document.activeElement === document.body) buttonAt(grid, ...lastCell)?.focus();
  });
  window.addEventListener("hashchange", openNamed);
  document.addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll("form[data-new-channel]")) prepareNew(form);
    prepare();
    openNamed();
  });
})();
