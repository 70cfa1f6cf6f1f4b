/* Pickers: what is typed is searched on the server, what is chosen becomes a chip with its value.
   Without this script the same field takes words, and chips are boxes that can be unticked. */
"use strict";

(() => {
  const WAIT_MS = 150;
  const LONGEST_ADDRESS = 3000;

  const pickerOf = (element) => element.closest?.("[data-picker]");
  const inputOf = (picker) => picker.querySelector(".picker-input");
  const listOf = (picker) => picker.querySelector(".picker-options");
  const chipsOf = (picker) => [...picker.querySelectorAll(".picker-box > .chip > input")];
  const optionsOf = (picker) => [...listOf(picker).querySelectorAll("[role=option]")];
  const activeOf = (picker) => listOf(picker).querySelector(".active");

  // The field in which one types sends nothing itself once chips can be made.
  function prepare(picker) {
    const input = inputOf(picker);
    if (input.dataset.ready) return;
    input.dataset.ready = "1";
    input.name = "q";
    input.setAttribute("form", "no-form");
  }

  function open(picker, shown) {
    listOf(picker).hidden = !shown;
    inputOf(picker).setAttribute("aria-expanded", String(shown));
    if (!shown) inputOf(picker).removeAttribute("aria-activedescendant");
  }

  function activate(picker, option) {
    activeOf(picker)?.classList.remove("active");
    const input = inputOf(picker);
    if (!option) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    option.classList.add("active");
    option.id ||= `${input.id}_option_${optionsOf(picker).indexOf(option)}`;
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  const waiting = new WeakMap();
  function search(picker, wait = WAIT_MS) {
    clearTimeout(waiting.get(picker));
    waiting.set(
      picker,
      setTimeout(() => {
        if (inputOf(picker).value.length < LONGEST_ADDRESS)
          window.htmx?.trigger(inputOf(picker), "headend:pick", {}, false);
      }, wait),
    );
  }

  function showChosen(picker) {
    const values = new Set(chipsOf(picker).map((box) => box.value));
    for (const option of optionsOf(picker)) {
      option.setAttribute("aria-selected", String(values.has(option.dataset.value)));
    }
  }

  async function count(picker) {
    const place = picker.querySelector(".picker-count");
    const boxes = chipsOf(picker);
    if (picker.dataset.picker === "videos") {
      place.textContent = boxes.length ? `${boxes.length} video${boxes.length === 1 ? "" : "s"}` : "";
      return;
    }
    const query = new URLSearchParams(boxes.map((box) => ["channels", box.value]));
    if ("enabled" in picker.dataset) query.set("enabled", "1");
    const address = `${picker.dataset.countUrl}?${query}`;
    if (!boxes.length || address.length > LONGEST_ADDRESS) {
      place.textContent = "";
      return;
    }
    const answer = await fetch(address, { headers: { Accept: "text/plain" } });
    if (answer.ok && !answer.redirected) place.textContent = await answer.text();
  }

  function changed(picker) {
    showChosen(picker);
    count(picker);
    picker.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function add(picker, value, label, note) {
    if (chipsOf(picker).some((box) => box.value === value)) return;
    if ("one" in picker.dataset) for (const box of chipsOf(picker)) box.parentElement.remove();
    const chip = document.createElement("label");
    const box = document.createElement("input");
    const text = document.createElement("span");
    chip.className = "chip";
    chip.title = note || "";
    Object.assign(box, { type: "checkbox", name: picker.dataset.name, value, checked: true });
    text.textContent = label;
    chip.append(box, text);
    picker.querySelector(".picker-box").insertBefore(chip, inputOf(picker));
    changed(picker);
  }

  function remove(picker, box) {
    const chip = box.parentElement;
    const next = chip.nextElementSibling?.querySelector("input") || inputOf(picker);
    chip.remove();
    next.focus();
    changed(picker);
  }

  function choose(picker, option) {
    if (option.dataset.page) {
      more(picker, option);
      return;
    }
    const { value, label } = option.dataset;
    const there = chipsOf(picker).find((box) => box.value === value);
    if (there) {
      there.parentElement.remove();
      changed(picker);
    } else {
      add(picker, value, label, option.querySelector(".note")?.textContent);
    }
    inputOf(picker).focus();
    if (inputOf(picker).value) {
      inputOf(picker).value = "";
      search(picker, 0);
    }
    if ("one" in picker.dataset) open(picker, false);
  }

  // The next page of a list replaces the line that asked for it.
  async function more(picker, option) {
    const input = inputOf(picker);
    const query = new URLSearchParams({ q: input.value, page: option.dataset.page });
    for (const field of document.querySelectorAll(".picker-narrow")) query.set(field.name, field.value);
    const answer = await fetch(`${input.getAttribute("hx-get")}?${query}`);
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const rows = [...page.body.children];
    option.replaceWith(...rows);
    showChosen(picker);
    activate(
      picker,
      rows.find((row) => row.matches("[role=option]")),
    );
    input.focus();
  }

  // ---------------------------------------------------------------- what a person does
  document.addEventListener("focusin", (event) => {
    const picker = event.target.matches?.(".picker-input") && pickerOf(event.target);
    for (const other of document.querySelectorAll("[data-picker]")) {
      if (!other.contains(event.target)) open(other, false);
    }
    if (!picker) return;
    prepare(picker);
    search(picker, 0);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches?.(".picker-input")) search(pickerOf(event.target));
  });
  document.addEventListener("paste", (event) => {
    if (!event.target.matches?.(".picker-input")) return;
    const text = event.clipboardData.getData("text").trim();
    if (!/[\s,;]/.test(text)) return;
    event.preventDefault();
    const words = text.split(/[\s,;]+/).filter(Boolean);
    const line = text.replace(/\s+/g, " ");
    if (line.length < LONGEST_ADDRESS / 2) {
      event.target.value = line;
      search(pickerOf(event.target), 0);
    } else {
      add(pickerOf(event.target), line, `${words.length} pasted`, words.slice(0, 3).join(", "));
    }
  });
  // Before anything else hears of it: a filter's form sends itself on a change, which typing is not.
  document.addEventListener(
    "change",
    (event) => {
      if (event.target.matches?.(".picker-input")) event.stopImmediatePropagation();
      else if (event.target.matches?.(".picker-box > .chip > input")) {
        event.stopImmediatePropagation();
        remove(pickerOf(event.target), event.target);
      } else if (event.target.matches?.(".picker-narrow")) {
        event.stopImmediatePropagation();
        for (const picker of document.querySelectorAll("[data-picker=videos]")) search(picker, 0);
      }
    },
    true,
  );
  document.addEventListener("pointerdown", (event) => {
    const option = event.target.closest?.(".picker-options [role=option]");
    if (option) {
      event.preventDefault();
      choose(pickerOf(option), option);
    } else if (!pickerOf(event.target)) {
      for (const picker of document.querySelectorAll("[data-picker]")) open(picker, false);
    } else if (event.target.matches(".picker-box")) {
      event.preventDefault();
      inputOf(pickerOf(event.target)).focus();
    }
  });
  document.addEventListener(
    "keydown",
    (event) => {
      const picker = event.target.matches?.(".picker-input") && pickerOf(event.target);
      if (!picker) return;
      const list = optionsOf(picker);
      const shown = !listOf(picker).hidden;
      const at = list.indexOf(activeOf(picker));
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!shown) search(picker, 0);
        else activate(picker, list[(at + (event.key === "ArrowDown" ? 1 : -1) + list.length) % list.length]);
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (shown && at >= 0) choose(picker, list[at]);
      } else if (event.key === "Escape" && shown) {
        event.stopPropagation();
        open(picker, false);
      } else if (event.key === "Backspace" && !event.target.value) {
        const last = chipsOf(picker).at(-1);
        if (last) remove(picker, last);
        event.target.focus();
      }
    },
    true,
  );
  document.addEventListener("htmx:after:swap", (event) => {
    const list = event.detail.ctx?.target;
    if (!list?.matches?.(".picker-options")) return;
    const picker = pickerOf(list);
    if (document.activeElement !== inputOf(picker)) return;
    open(picker, true);
    showChosen(picker);
    activate(picker, optionsOf(picker)[0]);
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const picker of document.querySelectorAll("[data-picker]")) prepare(picker);
  });
})();
