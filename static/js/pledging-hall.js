/* The screen of the hall: asks every two seconds what changed, says honestly when the line is broken, F fills the screen. */
(() => {
  "use strict";
  const hall = document.querySelector("[data-hall]");
  if (!hall) return;
  const words = hall.dataset;
  const POLL = 2000, LATE = 8000, COUNT_UP = 600, STALE = Number(words.stale) * 1000;
  const PARTS = ["signed", "verbal", "matched", "paid"];
  const clock = hall.querySelector("[data-clock]");
  const total = hall.querySelector("[data-total]");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let tag = "", heard = Date.now(), time = clock.textContent.replace(words.wordTime, "").trim(), shownFen = Number(total.dataset.fen);

  const one = (name) => hall.querySelector(`[data-${name}]`);
  const wan = (fen) => (Math.round(fen / 10000) / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  function count(from, to, final) {
    if (calm.matches || from === to) { total.textContent = final; return; }
    const begin = performance.now();
    const step = (at) => {
      const share = Math.min((at - begin) / COUNT_UP, 1);
      total.textContent = share < 1 ? wan(from + (to - from) * share) : final;
      if (share < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }
  function line(entry) {
    const row = document.createElement("li");
    if (entry.void) row.className = "void";
    for (const [tagName, name, text] of [["span", "paddle", entry.paddle], ["span", "name", entry.name], ["b", "", entry.amount]]) {
      const part = document.createElement(tagName);
      if (name) part.className = name;
      part.textContent = text;
      row.append(part);
    }
    return row;
  }
  function show(now) {
    count(shownFen, now.fen, now.total);
    shownFen = now.fen;
    total.closest(".total").classList.toggle("long", now.long);
    for (const name of PARTS) hall.querySelector(`[data-part=${name}]`).textContent = now.parts[name];
    one("confirmed").textContent = words.wordConfirmed.replace("{sum}", now.confirmed);
    one("level-word").textContent = now.ended ? words.wordEnded : now.level ? words.wordNow : words.wordWait;
    one("level").textContent = now.level ? `${now.level} ${words.wordYuan}` : "";
    one("project").textContent = now.project;
    one("last").replaceChildren(...now.last.map(line));
    const gauge = one("gauge");
    if (gauge && now.gauge.length) {
      now.gauge.forEach((bar, at) => { const rect = gauge.querySelector(`.b${at + 1}`); rect.setAttribute("x", bar.x); rect.setAttribute("width", bar.width); });
      gauge.setAttribute("aria-label", PARTS.reduce((text, name) => text.replace(`{${name}}`, now.parts[name]), words.wordGauge.replace("{target}", now.target)));
    } else if (Boolean(gauge) !== now.gauge.length > 0) {
      location.reload();
    }
  }
  function say() {
    const lost = Date.now() - heard > STALE;
    clock.classList.toggle("lost", lost);
    const text = lost ? `${words.wordLost} · ${words.wordTime} ${time}` : `${words.wordTime} ${time}`;
    if (clock.textContent !== text) clock.textContent = text;
  }
  async function look() {
    const begun = Date.now(), stop = new AbortController(), late = setTimeout(() => stop.abort(), LATE);
    try {
      const response = await fetch(words.url, { cache: "no-store", credentials: "omit", signal: stop.signal,
        headers: tag ? { "If-None-Match": `"${tag}"` } : {} });
      if (response.status === 200) {
        const now = await response.json();
        tag = (response.headers.get("ETag") ?? "").replace(/^W\/|"/g, "");
        show(now);
        time = now.clock;
        heard = Date.now();
      } else if (response.status === 304) {
        time = response.headers.get("X-Data-Time") ?? time;
        heard = Date.now();
      }
    } catch { /* the line is broken: the clock says so */ }
    clearTimeout(late);
    say();
    setTimeout(look, Math.max(200, POLL - (Date.now() - begun)));
  }
  setInterval(say, 1000);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "f" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.fullscreenElement) document.exitFullscreen(); else document.documentElement.requestFullscreen().catch(() => {});
  });
  look();
})();
