/* Send files to the library in pieces, by tus 1.0: many at once, paused and gone on with, also after a reload. */
"use strict";

(() => {
  const form = document.getElementById("upload-form");
  if (!form) return;
  const PIECE = 8 * 1024 * 1024;
  const AT_ONCE = 2;
  const LONGEST_PAUSE = 30;
  const FILMS = /\.(3gp|asf|avi|flv|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|mxf|ogv|ts|vob|webm|wmv)$/i;
  const base = form.dataset.uploads;
  const token = form.elements.csrfmiddlewaretoken.value;
  const queue = document.getElementById("upload-queue");
  const summary = document.getElementById("upload-summary");
  const drop = document.getElementById("upload-drop");
  const files = [];
  let running = 0;

  class Refused extends Error {
    constructor(status, text) {
      super(text);
      this.status = status;
    }
  }

  const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const said = (name, value) => `${name} ${base64(new TextEncoder().encode(value))}`;
  const sleep = (seconds) => new Promise((go) => setTimeout(go, seconds * 1000));

  async function call(method, address, { headers = {}, body, signal } = {}) {
    const sent = { "X-CSRFToken": token, "Tus-Resumable": "1.0.0", ...headers };
    const answer = await fetch(address, { method, headers: sent, body, signal, credentials: "same-origin" });
    if (answer.ok) return answer;
    let text = `the server answered ${answer.status}`;
    try {
      text = (await answer.json()).detail || text;
    } catch {
      /* an answer to HEAD has no body, and a proxy's is no problem document */
    }
    throw new Refused(answer.status, text);
  }

  // -------------------------------------------------------------------------------------- where it goes: asked once
  const choice = form.elements.source_id;
  function showNew() {
    for (const field of form.querySelectorAll("[data-new-source]")) field.hidden = choice.value !== "";
  }
  choice.addEventListener("change", showNew);
  showNew();

  let making = null;
  async function sourceId() {
    if (choice.value) return choice.value;
    if (!making)
      making = makeSource().finally(() => {
        making = null;
      });
    return making;
  }
  async function makeSource() {
    const name = form.elements.name.value.trim();
    if (!name) {
      form.elements.name.focus();
      throw new Refused(422, "Name the new source, and say on which rights basis its films may be published.");
    }
    const body = JSON.stringify({
      name,
      rights_basis: form.elements.rights_basis.value,
      rights_note: form.elements.rights_note.value,
    });
    const headers = { "Content-Type": "application/json" };
    const source = await (await call("POST", `${base}/sources`, { headers, body })).json();
    const option = new Option(source.name, String(source.id), true, true);
    choice.add(option, 0);
    choice.value = option.value;
    showNew();
    return option.value;
  }

  // -------------------------------------------------------------------------------------------------- one file's row
  function rowOf(item) {
    const row = document.createElement("li");
    const text = document.createElement("div");
    text.className = "grow";
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = item.path;
    item.note = document.createElement("span");
    item.note.className = "sub";
    item.bar = document.createElement("progress");
    item.bar.className = "bar busy";
    item.bar.max = 100;
    item.bar.value = 0;
    item.bar.setAttribute("aria-label", item.path);
    text.append(name, item.note, item.bar);
    item.pause = buttonOf("Pause", () => toggle(item));
    item.cancel = buttonOf("Give up", () => giveUp(item));
    item.again = buttonOf("Try again", () => tryAgain(item));
    row.append(text, item.again, item.pause, item.cancel);
    item.row = row;
    queue.append(row);
    show(item, "waits for its turn");
  }
  function buttonOf(text, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = text;
    button.addEventListener("click", act);
    return button;
  }
  function show(item, note) {
    const percent = item.file.size ? Math.floor((100 * item.offset) / item.file.size) : 0;
    item.bar.value = percent;
    item.note.textContent = `${percent} % · ${note}`;
    item.row.dataset.state = item.state;
    item.pause.hidden = item.cancel.hidden = item.state === "done" || item.state === "failed";
    item.again.hidden = !(item.state === "failed" && item.mayAgain);
    item.pause.textContent = item.state === "paused" ? "Go on" : "Pause";
    const done = files.filter((one) => one.state === "done").length;
    const failed = files.filter((one) => one.state === "failed").length;
    summary.textContent = `${done} of ${files.length} sent${failed ? `, ${failed} failed` : ""}`;
  }
  function toggle(item) {
    if (item.state === "paused") {
      item.state = "waiting";
      show(item, "waits for its turn");
      next();
    } else {
      item.state = "paused";
      item.stop?.abort();
      show(item, "paused");
    }
  }
  function tryAgain(item) {
    item.mayAgain = false;
    item.state = "waiting";
    show(item, "waits for its turn");
    next();
  }
  async function giveUp(item) {
    item.state = "failed";
    item.stop?.abort();
    try {
      if (item.address) await call("DELETE", item.address);
      show(item, "given up");
    } catch (error) {
      show(item, error.message);
    }
  }

  // -------------------------------------------------------------------------------------------------------- sending
  function next() {
    while (running < AT_ONCE) {
      const item = files.find((one) => one.state === "waiting");
      if (!item) return;
      running += 1;
      item.state = "sending";
      send(item).finally(() => {
        running -= 1;
        next();
      });
    }
  }
  async function send(item) {
    item.stop = new AbortController();
    let tries = 0;
    while (item.state === "sending") {
      try {
        await goOn(item, () => {
          tries = 0;
        });
        if (item.state !== "sending") return;
        item.state = "done";
        show(item, "sent; it is looked at now");
        document.dispatchEvent(new CustomEvent("headend:look"));
        follow(item, item.address);
      } catch (error) {
        if (item.state !== "sending") return;
        const status = error instanceof Refused ? error.status : 0;
        if (status === 404 || status === 410) item.address = "";
        const again = status === 0 || status >= 500 || [404, 408, 409, 410, 423, 429, 460].includes(status);
        tries += 1;
        if (!again || (!item.address && tries > 5)) {
          item.state = "failed";
          item.mayAgain = true; // what was refused may be mended beside it, such as a new source without a name
          show(item, error.message);
          return;
        }
        const pause = Math.min(2 ** Math.min(tries, 6) / 2, LONGEST_PAUSE);
        show(item, `${status ? error.message : "not connected"} Tried again in ${Math.ceil(pause)} s.`);
        await sleep(pause);
      }
    }
  }
  // What was sent may still be refused once it is looked at: ask until it is taken in, or is not.
  async function follow(item, address) {
    for (let pause = 2; pause < 3600; pause = Math.min(pause * 1.5, 60)) {
      await sleep(pause);
      let upload;
      try {
        const answer = await call("GET", address);
        upload = await answer.json();
      } catch (error) {
        if (error instanceof Refused && [404, 410].includes(error.status)) return;
        continue;
      }
      if (["open", "received"].includes(upload.state)) continue;
      if (upload.state !== "taken") item.state = "failed";
      show(item, upload.state === "taken" ? "taken in" : upload.error_message || upload.state);
      document.dispatchEvent(new CustomEvent("headend:look"));
      return;
    }
  }
  async function goOn(item, wentOn) {
    const signal = item.stop.signal;
    if (!item.address) await begin(item);
    const told = await call("HEAD", item.address, { signal });
    item.offset = Number(told.headers.get("Upload-Offset"));
    while (item.offset < item.file.size && item.state === "sending") {
      const piece = await item.file.slice(item.offset, item.offset + PIECE).arrayBuffer();
      const headers = { "Upload-Offset": String(item.offset), "Content-Type": "application/offset+octet-stream" };
      if (globalThis.crypto?.subtle) {
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", piece));
        headers["Upload-Checksum"] = `sha256 ${base64(hash)}`;
      }
      const began = performance.now();
      const answer = await call("PATCH", item.address, { headers, body: piece, signal });
      item.offset = Number(answer.headers.get("Upload-Offset"));
      const rate = piece.byteLength / 1e6 / Math.max((performance.now() - began) / 1000, 0.001);
      show(item, `${rate.toFixed(1)} MB/s`);
      wentOn();
    }
  }
  async function begin(item) {
    const headers = {
      "Upload-Length": String(item.file.size),
      "Upload-Metadata": [
        said("filename", item.file.name),
        said("source_id", await sourceId()),
        said("fingerprint", item.fingerprint),
      ].join(","),
    };
    const answer = await call("POST", base, { headers });
    item.address = new URL(answer.headers.get("Location"), location.href).pathname;
  }

  // ---------------------------------------------------------------------------------------------------- what is added
  async function add(found) {
    const known = await unfinished();
    for (const [file, path] of found) {
      const fingerprint = `${path}/${file.size}/${file.lastModified}`;
      if (files.some((one) => one.fingerprint === fingerprint && one.state !== "failed")) continue;
      const item = { file, path, fingerprint, offset: 0, state: "waiting", address: "" };
      const before = known.get(fingerprint);
      if (before) item.address = `${base}/${before.key}`;
      files.push(item);
      rowOf(item);
      if (before) show(item, "goes on where it stopped");
      if (file.size > Number(form.dataset.maxBytes)) {
        item.state = "failed";
        show(item, "larger than what is taken here");
      }
    }
    if (found.length === 0) summary.textContent = "No film was found there.";
    next();
  }
  async function unfinished() {
    try {
      const answer = await call("GET", `${base}?mine=true&state=open&limit=200`);
      return new Map((await answer.json()).items.map((one) => [one.fingerprint, one]));
    } catch {
      return new Map(); // it begins anew, which costs time and breaks nothing
    }
  }
  async function walk(entry, found) {
    if (entry.isFile) {
      const file = await new Promise((go, fail) => entry.file(go, fail));
      if (!file.name.startsWith(".") && (FILMS.test(file.name) || file.type.startsWith("video/"))) {
        found.push([file, entry.fullPath.replace(/^\//, "")]);
      }
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((go, fail) => reader.readEntries(go, fail));
      if (some.length === 0) return;
      for (const inner of some) await walk(inner, found);
    }
  }

  document.getElementById("upload-files").addEventListener("change", (event) => {
    add(Array.from(event.target.files, (file) => [file, file.name]));
    event.target.value = "";
  });
  document.getElementById("upload-folder").addEventListener("change", (event) => {
    const films = Array.from(event.target.files).filter((file) => FILMS.test(file.name));
    add(films.map((file) => [file, file.webkitRelativePath || file.name]));
    event.target.value = "";
  });
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    const entries = Array.from(event.dataTransfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const found = [];
    for (const entry of entries) await walk(entry, found);
    add(found);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
})();
