/* The calendar's own script: drag with a pointer, or pick up by Enter and move with the keys.
   Where a publication may stand is asked once as it is picked up; the plan is asked before anything is written.
   Without it, each handle is a link to a form that does the same. */
"use strict";

(() => {
  const QUARTER = 15 * 60;
  const DAY = 86400;
  const FAR = 6; // pixels that a pointer travels before it drags

  let held = null; // what is picked up: { node, kind, id, channel, zone, begun, at, bands, refused, ghost, by }

  const table = () => document.querySelector("table.calendar");
  const said = (text) => {
    const place = document.getElementById("calendar-said");
    if (place && place.textContent !== text) place.textContent = text;
  };

  // A narrow screen shows a part of the week: the part that today is in.
  const box = document.querySelector(".calendar-box");
  const now = box?.querySelector("thead th.today");
  if (now && box.scrollWidth > box.clientWidth) {
    box.scrollLeft = now.offsetLeft - box.querySelector("thead th").offsetWidth;
  }

  // ------------------------- wall clocks: "2026-11-23T18:00:00", without a zone
  const two = (n) => String(n).padStart(2, "0");
  const parse = (wall) => ({
    day: wall.slice(0, 10),
    seconds: Number(wall.slice(11, 13)) * 3600 + Number(wall.slice(14, 16)) * 60 + Number(wall.slice(17, 19) || 0),
  });
  const clockOf = (s) => [s / 3600, (s % 3600) / 60, s % 60].map((n) => two(Math.floor(n))).join(":");
  const wallOf = (at) => `${at.day}T${clockOf(at.seconds)}`;
  function later(at, seconds) {
    const moved = new Date(Date.parse(`${at.day}T00:00:00Z`) + (at.seconds + seconds) * 1000);
    const midnight = new Date(moved);
    midnight.setUTCHours(0, 0, 0, 0);
    return { day: moved.toISOString().slice(0, 10), seconds: Math.round((moved - midnight) / 1000) };
  }
  const named = (at) => {
    const day = new Date(`${at.day}T00:00:00Z`);
    const words = day.toLocaleDateString("en-GB", {
      weekday: "short",
      day: "numeric",
      month: "short",
      timeZone: "UTC",
    });
    return `${words} ${wallOf(at).slice(11, 16)}`;
  };

  // ------------------------- the table
  const dates = () => {
    const days = [...table().querySelectorAll("td[data-cell]")].map((cell) => cell.dataset.cell.slice(0, 10)).sort();
    return { first: days[0], last: days[days.length - 1] };
  };
  const hoursOf = (cell) => (table().classList.contains("lanes") ? 3 : 1) * (cell.dataset.cell.length > 10 ? 1 : 0);

  function cellAt(at, channel) {
    for (const cell of table().querySelectorAll(`td[data-cell^="${at.day}"]`)) {
      if (cell.dataset.channel && channel && cell.dataset.channel !== channel) continue;
      const hours = hoursOf(cell);
      if (!hours) return cell;
      const begins = Number(cell.dataset.cell.slice(11, 13)) * 3600;
      if (begins <= at.seconds && at.seconds < begins + hours * 3600) return cell;
    }
    return null;
  }

  function timeIn(cell, event) {
    const slot = event.target.closest?.("[data-slot]");
    if (slot && (!held.channel || slot.dataset.channel === held.channel)) return parse(slot.dataset.slot);
    const hours = hoursOf(cell);
    const day = cell.dataset.cell.slice(0, 10);
    if (!hours) return { day, seconds: held.at ? held.at.seconds : 12 * 3600 };
    const box = cell.getBoundingClientRect();
    const share =
      hours === 1 ? (event.clientY - box.top) / box.height : (event.clientX - box.left) / Math.max(box.width, 1);
    const quarters = Math.floor(Math.min(0.999, Math.max(0, share)) * hours * 4);
    return { day, seconds: Number(cell.dataset.cell.slice(11, 13)) * 3600 + quarters * QUARTER };
  }

  // ------------------------- the answers
  function whyNot(at, channel) {
    if (held.refused) return held.refused;
    if (channel && held.channel && channel !== held.channel) return "a publication stays on its channel";
    if (!held.bands) return null;
    const band = (held.bands[at.day] || []).find((part) => part.since <= at.seconds && at.seconds < part.until);
    return band ? band.why : "the clocks skip it";
  }

  async function ask() {
    const span = dates();
    const query = new URLSearchParams({ zone: held.zone, first: span.first, last: span.last });
    query.set(held.kind, held.id);
    if (held.kind === "video") {
      if (!held.channel) return;
      query.set("channel", held.channel);
    }
    const asker = held;
    asker.asked = asker.channel;
    try {
      const response = await fetch(`/calendar/allowed/?${query}`, { headers: { Accept: "application/json" } });
      const answer = await response.json();
      if (held !== asker || asker.asked !== asker.channel) return;
      asker.refused = answer.refused || "";
      asker.bands = answer.dates || {};
    } catch {
      if (held === asker) asker.refused = "the server does not answer";
    }
    if (held !== asker) return;
    draw();
    tell();
  }

  function bandsOf(cell) {
    const hours = hoursOf(cell);
    const day = cell.dataset.cell.slice(0, 10);
    const begins = hours ? Number(cell.dataset.cell.slice(11, 13)) * 3600 : 0;
    const length = hours ? hours * 3600 : DAY;
    return (held.bands?.[day] || [])
      .filter((part) => part.since < begins + length && part.until > begins)
      .map((part) => ({
        from: Math.max(0, (part.since - begins) / length),
        to: Math.min(1, (part.until - begins) / length),
        why: part.why,
      }));
  }

  function draw() {
    clear();
    if (!held.bands || held.refused) return;
    const across = !table().classList.contains("hours");
    for (const cell of table().querySelectorAll("td[data-cell]")) {
      if (held.channel && cell.dataset.channel && cell.dataset.channel !== held.channel) continue;
      for (const part of bandsOf(cell)) {
        const band = document.createElement("i");
        band.className = part.why ? "band closed" : "band free";
        band.title = part.why || "free";
        const from = `${(part.from * 100).toFixed(2)}%`;
        const size = `${((part.to - part.from) * 100).toFixed(2)}%`;
        band.style.setProperty(across ? "left" : "top", from);
        band.style.setProperty(across ? "width" : "height", size);
        band.style.setProperty(across ? "top" : "left", "0");
        band.style.setProperty(across ? "height" : "width", "100%");
        cell.append(band);
      }
    }
    table().classList.add("dragging");
  }
  function clear() {
    for (const band of document.querySelectorAll(".calendar .band")) band.remove();
    table()?.classList.remove("dragging");
  }

  // ------------------------- what is picked up
  function pickUp(node, by) {
    putBack();
    const chip = node.closest("[data-schedule], [data-video]");
    const kind = chip.dataset.schedule ? "schedule" : "video";
    held = {
      node: chip,
      kind,
      id: chip.dataset.schedule || chip.dataset.video,
      channel: chip.dataset.channel || "",
      zone: table().dataset.zone,
      at: chip.dataset.wall ? parse(chip.dataset.wall) : null,
      begun: chip.dataset.wall ? parse(chip.dataset.wall) : null,
      title: chip.querySelector("b")?.textContent || "",
      bands: null,
      refused: "",
      by,
    };
    chip.classList.add("held");
    held.ghost = document.createElement("div");
    held.ghost.className = "calendar-ghost";
    held.ghost.append(document.createElement("b"), document.createElement("span"));
    document.body.append(held.ghost);
    if (!held.at) {
      const today = document.querySelector("table.calendar td.today")?.dataset.cell || dates().first;
      held.at = { day: today.slice(0, 10), seconds: 12 * 3600 };
    }
    ask();
    return held;
  }

  function putBack() {
    if (!held) return;
    clear();
    held.node.classList.remove("held");
    held.ghost.remove();
    for (const cell of document.querySelectorAll(".calendar .target")) cell.classList.remove("target");
    held = null;
  }

  function point(cell, x, y) {
    for (const other of document.querySelectorAll(".calendar .target")) {
      if (other !== cell) other.classList.remove("target");
    }
    cell?.classList.add("target");
    held.ghost.style.setProperty("left", `${Math.min(x + 14, window.innerWidth - 230)}px`);
    held.ghost.style.setProperty("top", `${Math.min(y + 14, window.innerHeight - 70)}px`);
  }

  function tell() {
    if (!held?.at) return;
    const why = whyNot(held.at, held.over || "");
    const answer = why === null ? "asking the plan" : why || "free";
    held.ghost.classList.toggle("closed", Boolean(why));
    held.ghost.firstChild.textContent = named(held.at);
    held.ghost.lastChild.textContent = answer;
    said(`${held.title}: ${named(held.at)}, ${answer}`);
  }

  // ------------------------- the plan's answer
  const dialog = () => document.getElementById("answer");

  async function show(address) {
    const box = dialog();
    try {
      const response = await fetch(address, { headers: { "X-Calendar": "part" } });
      if (!response.ok) throw new Error(String(response.status));
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      box.replaceChildren(...page.body.childNodes);
    } catch {
      location.assign(address);
      return;
    }
    if (!box.open) box.showModal();
    (box.querySelector("button.primary") || box.querySelector("button"))?.focus();
  }

  function settle() {
    if (!held?.at) return;
    const query = new URLSearchParams({ wall: wallOf(held.at), zone: held.zone });
    if (held.kind === "video") query.set("channel", held.over || held.channel);
    const address = `/calendar/${held.kind === "schedule" ? "moving" : "placing"}/${held.id}/`;
    const node = held.node;
    putBack();
    dialog().returnTo = node;
    show(`${address}?${query}`);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("#answer form[data-answer]");
    if (!form) return;
    event.preventDefault();
    show(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#answer [data-close]")) {
      event.preventDefault();
      dialog().close();
    }
  });
  document.addEventListener(
    "close",
    (event) => {
      if (event.target.id !== "answer") return;
      const chip = event.target.returnTo;
      chip?.querySelector(".grip")?.focus();
    },
    true,
  );

  // ------------------------- by pointer
  let press = null;
  document.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || held?.by === "keys") return;
    const chip = event.target.closest?.("[data-schedule], [data-video]");
    if (!chip) return;
    // With a finger the handle drags and the rest scrolls; with a mouse all of it drags.
    if (event.pointerType === "touch" && !event.target.closest(".grip")) return;
    press = { chip, x: event.clientX, y: event.clientY, id: event.pointerId };
  });
  document.addEventListener("pointermove", (event) => {
    if (press && !held && event.pointerId === press.id) {
      if (Math.hypot(event.clientX - press.x, event.clientY - press.y) < FAR) return;
      pickUp(press.chip, "pointer");
      held.begunAt = held.at;
      document.getSelection()?.removeAllRanges();
    }
    if (held?.by !== "pointer") return;
    event.preventDefault();
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const cell = under?.closest?.("table.calendar td[data-cell]");
    held.inside = Boolean(cell);
    if (cell) {
      held.over = cell.dataset.channel || "";
      if (held.kind === "video" && held.over && held.over !== held.channel) {
        held.channel = held.over;
        held.bands = null;
        held.refused = "";
        clear();
        ask();
      }
      held.at = timeIn(cell, { target: under, clientX: event.clientX, clientY: event.clientY });
    }
    point(cell, event.clientX, event.clientY);
    tell();
  });
  document.addEventListener("pointerup", () => {
    press = null;
    if (held?.by !== "pointer") return;
    swallowClick();
    if (held.inside && (!held.over || held.kind === "video" || held.over === held.channel)) settle();
    else putBack();
  });
  document.addEventListener("pointercancel", () => {
    press = null;
    if (held?.by === "pointer") putBack();
  });
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.("[data-schedule], [data-video]")) event.preventDefault();
  });
  function swallowClick() {
    const swallow = (event) => {
      event.preventDefault();
      event.stopPropagation();
    };
    document.addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => document.removeEventListener("click", swallow, { capture: true }), 0);
  }

  // ------------------------- by keys
  function slots() {
    return [...table().querySelectorAll("[data-slot]")]
      .filter((slot) => !held.channel || slot.dataset.channel === held.channel)
      .map((slot) => slot.dataset.slot)
      .sort();
  }
  function step(key) {
    const moves = { ArrowUp: -QUARTER, ArrowDown: QUARTER, ArrowLeft: -DAY, ArrowRight: DAY };
    let at = held.at;
    if (key in moves) at = later(at, moves[key]);
    else {
      const here = wallOf(at);
      const all = slots();
      const found = key === "PageDown" ? all.find((slot) => slot > here) : all.reverse().find((slot) => slot < here);
      if (!found) {
        said("No empty slot there on this page.");
        return;
      }
      at = parse(found);
    }
    const span = dates();
    if (at.day < span.first || at.day > span.last) {
      said("That lies outside of what is shown; turn the page first.");
      return;
    }
    held.at = at;
    follow();
  }
  function follow() {
    const cell = cellAt(held.at, held.channel);
    cell?.scrollIntoView({ block: "nearest", inline: "nearest" });
    const box = cell?.getBoundingClientRect();
    point(cell, box ? box.left : 20, box ? box.top : 20);
    tell();
  }
  document.addEventListener("keydown", (event) => {
    if (held && event.key === "Escape") {
      event.preventDefault();
      const node = held.node;
      putBack();
      said("Put back; nothing was changed.");
      node.querySelector(".grip")?.focus();
      return;
    }
    if (held?.by === "keys") {
      if (/^(Arrow(Up|Down|Left|Right)|Page(Up|Down))$/.test(event.key)) {
        event.preventDefault();
        step(event.key);
      } else if (event.key === "Enter") {
        event.preventDefault();
        settle();
      } else if (event.key === "Tab") putBack();
      return;
    }
    if (event.key === "Enter" && event.target.matches?.(".grip")) {
      event.preventDefault();
      pickUp(event.target, "keys");
      follow();
    }
  });
  document.addEventListener("click", (event) => {
    // A click on a handle opens the form in the page; with a key held down the browser does what it always does.
    const grip = event.target.closest?.(".grip");
    if (!grip || event.ctrlKey || event.metaKey || event.shiftKey || !dialog()) return;
    event.preventDefault();
    dialog().returnTo = grip.closest("li");
    show(grip.getAttribute("href"));
  });

  // While something is held, the page does not change under the hand.
  document.addEventListener(
    "headend:poll",
    (event) => {
      if (held || dialog()?.open) event.stopImmediatePropagation();
    },
    true,
  );
})();
