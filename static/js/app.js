/* Comforts on top of pages that work without script: autosave, counters, copying, checking a file, time-out, keys.
   No inline handlers, no eval, nothing kept in the browser except the switch for keys. */
(() => {
  "use strict";
  const words = document.getElementById("page-words")?.dataset ?? {};
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const token = () => {
    const headers = document.body.getAttribute("hx-headers");
    return headers ? JSON.parse(headers)["X-CSRFToken"] : document.querySelector("input[name=csrf_token]")?.value ?? "";
  };

  /* ---------- a line at the bottom ---------- */
  function toast(sentence, action = null) {
    const place = document.getElementById("toasts");
    if (!place) return null;
    const line = document.createElement("div");
    line.className = "toast-line";
    line.append(sentence);
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = action.word;
      button.addEventListener("click", () => { line.remove(); action.run(); });
      line.append(button);
    } else {
      setTimeout(() => line.remove(), 8000);
    }
    place.append(line);
    return line;
  }

  /* ---------- autosave: 2 s after a pause and on leaving a field ---------- */
  const PAUSE = 2000;
  const RETRY = 15000;
  function autosave(form) {
    const line = form.querySelector("[data-autosave-line]") ?? document.querySelector("[data-autosave-line]");
    let dirty = false;
    let busy = false;
    let stopped = false;
    let timer = 0;
    const say = (sentence, bad = false, link = null) => {
      if (!line) return;
      line.textContent = sentence;
      line.classList.toggle("bad", bad);
      if (link) {
        const anchor = document.createElement("a");
        anchor.href = link.href;
        anchor.target = "_blank";
        anchor.rel = "noopener";
        anchor.textContent = link.word;
        line.append(" ", anchor);
      }
    };
    const later = (wait) => { clearTimeout(timer); timer = setTimeout(save, wait); };
    const body = () => {
      const data = new FormData(form);
      for (const input of all("input[type=file]", form)) data.delete(input.name);
      return data;
    };
    async function answered(response) {
      if (response.type === "opaqueredirect" || response.status === 401) {
        dirty = true;
        say(words.expired, true, { href: "/sign-in", word: words.signIn });
        return;
      }
      const json = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
      if (response.ok) {
        const version = form.querySelector("input[name=version]");
        if (version && json.version !== undefined) version.value = json.version;
        const at = json.saved_at ?? new Date().toLocaleTimeString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai" });
        if (!dirty) say(`${words.saved} ${at}`);
      } else if (response.status === 409) {
        stopped = true;
        say(json.conflict ?? words.conflict, true, { href: location.href, word: "↗" });
      } else if (response.status >= 500 || response.status === 429) {
        dirty = true;
        say(words.offline, true);
        later(RETRY);
      } else {
        const sentences = Object.values(json.errors ?? {}).flat().join("；");
        say(words.refused + (sentences || json.error || words.failed), true);
      }
    }
    async function save() {
      clearTimeout(timer);
      if (!dirty || busy || stopped) return;
      busy = true;
      dirty = false;
      say(words.saving);
      try {
        await answered(await fetch(form.dataset.autosave, {
          method: "POST", body: body(), redirect: "manual", credentials: "same-origin",
          headers: { "X-CSRFToken": token(), Accept: "application/json", "X-Autosave": "1" },
        }));
      } catch {
        dirty = true;
        say(words.offline, true);
        later(RETRY);
      }
      busy = false;
      if (dirty && !timer) later(PAUSE);
    }
    form.addEventListener("input", (event) => {
      if (event.target.type === "file") return;
      dirty = true;
      if (!stopped) { say(words.unsaved); later(PAUSE); }
    });
    form.addEventListener("focusout", () => { if (dirty) later(50); });
    form.addEventListener("submit", () => { dirty = false; clearTimeout(timer); });
    window.addEventListener("online", save);
    window.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
    window.addEventListener("beforeunload", (event) => { if (dirty || stopped) event.preventDefault(); });
  }

  /* ---------- counters and money ---------- */
  function counter(area) {
    const line = document.getElementById(`${area.id}-count`);
    if (!line) return;
    const limit = Number(area.dataset.count);
    const show = () => {
      const left = limit - Array.from(area.value).length;
      line.textContent = (left >= 0 ? words.left : words.over).replace("{n}", String(Math.abs(left)));
      line.classList.toggle("over", left < 0);
    };
    area.addEventListener("input", show);
    show();
  }
  const half = (text) => text.normalize("NFKC").replace(/[\s,，¥元]/g, "");
  function money(input) {
    const line = document.getElementById(`${input.id}-echo`);
    if (!line) return;
    const show = () => {
      const found = /^(\d+(?:\.\d+)?)(万)?$/.exec(half(input.value));
      const yuan = found ? Number(found[1]) * (found[2] ? 10000 : 1) : NaN;
      line.textContent = Number.isFinite(yuan) && yuan >= 10000
        ? words.wan.replace("{wan}", (yuan / 10000).toLocaleString("zh-CN", { minimumFractionDigits: 2, maximumFractionDigits: 6 }))
        : "";
    };
    input.addEventListener("input", show);
    show();
  }

  /* ---------- copying and checking ---------- */
  function copier(button) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        toast(words.copied);
      } catch {
        toast(words.copyFailed);
      }
    });
  }
  function hashCheck(box) {
    if (!window.crypto?.subtle) return;
    const result = box.querySelector(".hashresult");
    box.hidden = false;
    box.querySelector("input[type=file]").addEventListener("change", async (event) => {
      const file = event.target.files[0];
      if (!file) return;
      result.className = "hashresult";
      result.textContent = words.hashing;
      const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
      const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
      const same = hex === box.dataset.hashCheck.toLowerCase();
      result.classList.add(same ? "ok" : "bad");
      result.textContent = same ? words.hashSame : words.hashOther;
    });
  }

  /* ---------- time-out: said five minutes before, one click extends ---------- */
  const WARNING = 300;
  function idle(seconds) {
    let timer = 0;
    let shown = null;
    const begin = () => { clearTimeout(timer); shown?.remove(); shown = null; timer = setTimeout(warn, (seconds - WARNING) * 1000); };
    const extend = async () => {
      const response = await fetch("/my/alive", { credentials: "same-origin", redirect: "manual" }).catch(() => null);
      if (response?.ok) begin(); else toast(words.expired);
    };
    function warn() { shown = toast(words.timeout, { word: words.extend, run: extend }); }
    document.body.addEventListener("htmx:afterRequest", begin);
    begin();
  }

  /* ---------- keys: / goes to the search box. Can be switched off on /accessibility ---------- */
  const KEYS = "keys";
  const keysOn = () => { try { return localStorage.getItem(KEYS) !== "off"; } catch { return true; } };
  function keySwitch(button) {
    const show = () => { button.setAttribute("aria-pressed", String(keysOn())); };
    button.hidden = false;
    button.addEventListener("click", () => {
      try { localStorage.setItem(KEYS, keysOn() ? "off" : "on"); } catch { return; }
      show();
      toast(keysOn() ? words.keysOn : words.keysOff);
    });
    show();
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { for (const menu of all("details.menu[open]")) menu.open = false; return; }
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || !keysOn()) return;
    const box = document.querySelector("form[role=search] input[name=q]");
    if (box) { event.preventDefault(); box.focus(); box.select(); } else { location.href = "/search"; }
  });

  /* ---------- small things ---------- */
  function once(form) {
    form.addEventListener("submit", () => {
      const buttons = all("button[type=submit]", form);
      setTimeout(() => buttons.forEach((button) => { button.disabled = true; }), 0);
      setTimeout(() => buttons.forEach((button) => { button.disabled = false; }), 6000);
    });
  }
  function revealer(line) {
    const box = document.getElementById(line.dataset.reveal), switch_ = line.querySelector("input");
    line.hidden = false;
    switch_.addEventListener("change", () => { box.type = switch_.checked ? "text" : "password"; });
    box.form.addEventListener("submit", () => { box.type = "password"; });
  }
  function start(root) {
    all("form[data-autosave]", root).forEach(autosave);
    all("textarea[data-count]", root).forEach(counter);
    all("input[data-money]", root).forEach(money);
    all("[data-copy]", root).forEach(copier);
    all("[data-hash-check]", root).forEach(hashCheck);
    all("form[data-once]", root).forEach(once);
    all("[data-keys-switch]", root).forEach(keySwitch);
    all("[data-reveal]", root).forEach(revealer);
    all("[data-print]", root).forEach((button) => { button.hidden = false; button.addEventListener("click", () => window.print()); });
    all("select[data-submit]", root).forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));
    root.querySelector("[data-focus]")?.focus();
  }
  start(document);
  document.body.addEventListener("htmx:load", (event) => { if (event.detail.elt !== document.body) start(event.detail.elt); });
  document.body.addEventListener("htmx:responseError", () => toast(words.failed));
  document.body.addEventListener("htmx:sendError", () => toast(words.failed));
  const idleSeconds = Number(document.body.dataset.idleSeconds);
  if (idleSeconds > WARNING) idle(idleSeconds);
})();
