/* The recorder's desk: Enter records at once, on the device first. What is not sent yet is kept in this browser and
   goes out in its order when the line is back; each entry carries a key of its own, so it counts once however often
   it is sent. Works without this script as a plain form. */
(() => {
  "use strict";
  const desk = document.querySelector("[data-keying]");
  if (!desk) return;
  const words = desk.dataset;
  const form = desk.querySelector("[data-line-form]");
  const box = form.querySelector("#line");
  const oops = desk.querySelector("[data-line-error]");
  const status = desk.querySelector("[data-status]");
  const list = desk.querySelector("[data-entries]");
  const store = `pledging:${words.store}`;
  const BATCH = 20, RETRY = 3000, POLL = 4000, SHOWN = 14, QUICK = Number(words.seconds);
  const ENTRY = /^[#№]?(\d{1,6})(?:号牌?)?(?:[\s,、;:]+(.*?))?[\s,]*(\+)?$/;
  let server = { round: Number(form.elements.round.value) || 0, level: "", project: "", entries: [], names: {} };
  let busy = false, offline = false, expired = false, leaving = false, timer = 0;

  /* ---------- what this device keeps ---------- */
  let memory = [];
  const load = () => { try { return JSON.parse(localStorage.getItem(store)) ?? []; } catch { return memory; } };
  const seen = new Set();   /* keys that this page decides about; whatever else is kept here, another window keyed */
  const save = () => {
    for (const item of queue) seen.add(item.key);
    memory = queue;
    try { localStorage.setItem(store, JSON.stringify([...load().filter((item) => !seen.has(item.key)), ...queue])); } catch { /* kept in memory */ }
  };
  let queue = load();
  for (const item of queue) seen.add(item.key);
  for (const item of queue) if (item.state === "sending") item.state = "waiting";
  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(15)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const token = () => JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";

  /* ---------- keying ---------- */
  function key(line) {
    const found = ENTRY.exec(line.normalize("NFKC").trim());
    oops.textContent = "";
    if (!found || Number(found[1]) < 1 || Number(found[1]) > 9999) {
      oops.textContent = words.wordUnclear;
      box.setAttribute("aria-invalid", "true");
      return false;
    }
    box.removeAttribute("aria-invalid");
    queue.push({ key: newKey(), line: line.trim(), paddle: Number(found[1]), amount: found[2] ?? "", round: server.round,
      at: new Date().toISOString(), state: "waiting", sentence: "" });
    save();
    return true;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const line = box.value;
    if (line.trim() && key(line)) { box.value = ""; show(); flush(); }
    if (!coarse) box.focus();
  });

  /* ---------- sending, in order, until an answer is there ---------- */
  const waiting = () => queue.filter((item) => item.state === "waiting" || item.state === "sending");
  async function flush() {
    clearTimeout(timer);
    if (busy || expired) return;
    const batch = waiting().slice(0, BATCH);
    if (!batch.length) return;
    busy = true;
    for (const item of batch) { item.state = "sending"; if (navigator.onLine) item.tried = true; }   /* from now on the server may have it */
    save();
    const body = new URLSearchParams({ recorder: words.recorder, entries: JSON.stringify(batch.map((item) => ({
      key: item.key, line: item.line ?? "", round: item.round ?? 0, at: item.at, undo: item.undo ?? "", reason: item.reason ?? "" }))) });
    try {
      const response = await fetch(words.queue, { method: "POST", body, redirect: "manual", credentials: "same-origin",
        headers: { "X-CSRFToken": token(), Accept: "application/json" } });
      offline = false;
      await answered(response, batch);
    } catch {
      offline = true;
      for (const item of batch) if (item.state === "sending") item.state = "waiting";
    }
    save();
    busy = false;
    show();
    if (waiting().length && !expired) timer = setTimeout(flush, offline ? RETRY : 0);
  }
  async function answered(response, batch) {
    const json = response.headers.get("Content-Type")?.includes("json") ? await response.json() : null;
    if (!response.ok || !json?.answers) {
      for (const item of batch) item.state = "waiting";
      expired = response.type === "opaqueredirect" || [400, 401, 403].includes(response.status);
      offline = !expired;
      return;
    }
    const answers = new Map(json.answers.map((answer) => [answer.key, answer]));
    for (const item of batch) {
      const answer = answers.get(item.key);
      item.state = answer?.state ?? "waiting";
      item.sentence = answer?.sentence ?? "";
      item.done = Date.now();
      if (item.state === "waiting") offline = true;
    }
    server = { ...server, ...json, heard: Date.now() };
  }

  /* ---------- taking back ---------- */
  function undo(target, reason) {
    const own = queue.find((item) => item.key === target && !item.undo);
    if (own && own.state === "waiting" && !own.tried) { queue = queue.filter((item) => item !== own); save(); show(); return; }
    if (queue.some((item) => item.undo === target && item.state !== "refused")) return;
    queue.push({ key: newKey(), undo: target, reason, at: new Date().toISOString(), state: "waiting", sentence: "",
      paddle: own?.paddle ?? "", amount: own?.amount ?? "" });
    save();
    show();
    flush();
  }
  desk.addEventListener("submit", (event) => {
    const undoing = event.target.closest("[data-undo]");
    if (!undoing) return;
    event.preventDefault();
    const row = undoing.closest("li");
    if (row?.dataset.key) undo(row.dataset.key, undoing.elements.reason.value);
  });
  desk.addEventListener("click", (event) => {
    const button = event.target.closest("[data-again], [data-drop]");
    if (!button) return;
    const item = queue.find((each) => each.key === button.closest("li").dataset.key);
    if (!item) return;
    if (button.matches("[data-drop]")) queue = queue.filter((each) => each !== item); else item.state = "waiting";
    save();
    show();
    flush();
  });

  /* ---------- what stands on the page ---------- */
  const make = (tag, name, text) => { const made = document.createElement(tag); if (name) made.className = name; if (text !== undefined) made.textContent = text; return made; };
  function row({ paddle, name, note, amount, state, kind }) {
    const line = make("li", kind ?? "");
    const who = make("span", "who", name);
    who.append(make("small", "", note));
    line.append(make("span", "paddleno num", paddle), who, make("b", "num", amount), make("div", "what", state ?? ""));
    return line;
  }
  function button(word, mark) {
    const made = make("button", "btn btn-plain btn-sm", word);
    made.type = "button";
    made.setAttribute(mark, "");
    return made;
  }
  function undoForm(line, seconds) {
    const copy = desk.querySelector("template[data-undo-form]").content.cloneNode(true);
    const made = copy.querySelector("form");
    const select = made.querySelector("select");
    select.id = `reason-${line.dataset.key}`;
    made.querySelector("label").htmlFor = select.id;
    if (seconds > 0) made.dataset.until = String(Date.now() + seconds * 1000);
    tick(made);
    return made;
  }
  function tick(made) {
    const left = Math.ceil((Number(made.dataset.until ?? 0) - Date.now()) / 1000);
    made.querySelector("select").hidden = left > 0;
    made.querySelector("button").textContent = left > 0 ? `${words.wordUndo} ${left}` : words.wordUndo;
    if (left <= 0) delete made.dataset.until;
  }
  setInterval(() => { for (const made of list.querySelectorAll("form[data-until]")) tick(made); }, 1000);
  function localRow(item) {
    const note = { waiting: words.wordWaiting, sending: words.wordWaiting, refused: words.wordRefused + item.sentence }[item.state] ?? item.sentence;
    const line = row({ paddle: item.paddle, name: server.names?.[item.paddle] ?? "", note, kind: item.state,
      amount: item.undo ? `−${item.amount}` : item.amount || words.wordLevel });
    line.dataset.key = item.key;
    line.dataset.state = item.state;
    const what = line.querySelector(".what");
    if (item.state === "refused") what.append(button(words.wordRetry, "data-again"), button(words.wordDrop, "data-drop"));
    else if (item.state === "waiting" && !item.undo) what.append(undoForm(line, QUICK));
    return line;
  }
  function serverRow(entry, undoing) {
    const note = [entry.time, words.wordRound.replace("{n}", entry.round), entry.reason].filter(Boolean).join(" · ");
    const line = row({ paddle: entry.paddle, name: entry.name, note, amount: entry.amount, kind: entry.reversal || entry.undone ? "void" : "sent" });
    line.dataset.key = entry.key;
    line.dataset.state = "sent";
    const what = line.querySelector(".what");
    const left = Math.ceil(entry.seconds - (Date.now() - (server.heard ?? Date.now())) / 1000);
    if (entry.undone || undoing) what.textContent = words.wordUndone;
    else if (!entry.reversal) what.append(undoForm(line, Math.min(left, QUICK)));
    return line;
  }
  function show() {
    const known = new Set(server.entries.map((entry) => entry.key));
    const undoing = new Set(queue.filter((item) => item.undo && item.state !== "refused").map((item) => item.undo));
    const before = queue.length;
    queue = queue.filter((item) => !["sent", "same"].includes(item.state) || (item.state === "same" && Date.now() - item.done < 15000)
      || (!item.undo && !known.has(item.key) && Date.now() - item.done < 15000));
    if (queue.length !== before) save();
    const held = document.activeElement?.closest?.("[data-entries] li")?.dataset.key;
    const mine = queue.filter((item) => !known.has(item.key) || item.state === "same").reverse();
    list.replaceChildren(...mine.map(localRow), ...server.entries.map((entry) => serverRow(entry, undoing.has(entry.key))).slice(0, SHOWN));
    if (held) list.querySelector(`li[data-key="${held}"] button`)?.focus();
    desk.querySelector("[data-none]")?.remove();
    desk.querySelector("[data-round]").textContent = server.round ? words.wordRound.replace("{n}", server.round) : words.wordNoround;
    desk.querySelector("[data-project]").textContent = server.project;
    desk.querySelector("[data-level]").textContent = server.level ? `${server.level} ${words.wordUnit}` : "—";
    const differences = document.querySelector("[data-differences]");
    if (differences && server.differences !== undefined) differences.textContent = server.differences;
    const left = waiting().length;
    status.classList.toggle("bad", expired || offline);
    status.textContent = [expired ? words.wordExpired : offline ? words.wordOffline : "",
      left ? words.wordLeft.replace("{n}", left) : offline || expired ? "" : words.wordClear].filter(Boolean).join(" ");
  }

  /* ---------- signed in again elsewhere: this page takes the new token; what is kept goes out then ---------- */
  function refresh() {
    const last = Number(sessionStorage.getItem(`${store}:refreshed`) ?? 0);
    if (Date.now() - last < 60000) return;
    sessionStorage.setItem(`${store}:refreshed`, String(Date.now()));
    leaving = true;
    location.reload();
  }

  /* ---------- what the others did ---------- */
  async function look() {
    if (document.hidden || busy) return;
    try {
      const response = await fetch(words.state, { credentials: "same-origin", redirect: "manual", headers: { Accept: "application/json" } });
      if (response.ok) {
        server = await response.json();
        server.heard = Date.now();
        offline = false;
        if (expired) refresh();
        expired = false;
      }
      else if (response.type === "opaqueredirect" || response.status === 401) expired = true;
    } catch { offline = true; }
    if (!list.contains(document.activeElement) || document.activeElement.tagName !== "SELECT") show();
    flush();
  }
  setInterval(look, POLL);
  window.addEventListener("online", look);
  window.addEventListener("offline", () => { offline = true; show(); });
  window.addEventListener("beforeunload", (event) => { if (waiting().length && !leaving) event.preventDefault(); });
  document.addEventListener("visibilitychange", look);

  /* ---------- the number pad of a phone ---------- */
  const coarse = window.matchMedia("(pointer: coarse)").matches || window.innerWidth < 768;
  const pad = desk.querySelector("[data-keypad]");
  if (coarse) {
    pad.hidden = false;
    box.inputMode = "none";
    pad.addEventListener("click", (event) => {
      const sign = event.target.closest("[data-key]")?.dataset.key;
      if (sign === undefined) return;
      box.value = sign === "back" ? box.value.slice(0, -1) : sign === "clear" ? "" : box.value + sign;
    });
  }
  look();
})();
