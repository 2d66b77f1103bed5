/* Suggestions under a search box: input[data-suggest] becomes a combobox (ARIA 1.2, list autocomplete with manual
   selection). Without this file the box is a plain search box. Nothing is kept in the browser. */
(() => {
  "use strict";
  const PAUSE = 120;
  const LONGEST = 40;
  let boxes = 0;

  function combobox(input) {
    const id = `suggestions-${++boxes}`;
    const list = document.createElement("ul");
    list.id = id;
    list.className = "suggestions";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", input.labels?.[0]?.textContent ?? "");
    list.hidden = true;
    input.after(list);
    const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id };
    for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);

    let typed = input.value;
    let found = [];
    let active = -1;
    let timer = 0;
    let request = null;

    const close = () => {
      list.hidden = true;
      active = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const point = (number) => {
      active = number;
      Array.from(list.children).forEach((line, place) => line.setAttribute("aria-selected", String(place === active)));
      if (active < 0) {
        input.removeAttribute("aria-activedescendant");
        input.value = typed;
      } else {
        input.setAttribute("aria-activedescendant", list.children[active].id);
        input.value = found[active].text;
      }
    };
    const choose = (number) => {
      const one = found[number];
      close();
      if (one.url) { location.href = one.url; return; }
      input.value = one.text;
      input.form.requestSubmit();
    };
    const show = (suggestions) => {
      found = suggestions;
      active = -1;
      list.replaceChildren(...found.map((one, place) => {
        const line = document.createElement("li");
        line.id = `${id}-${place}`;
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", "false");
        const kind = document.createElement("small");
        kind.textContent = one.kind;
        line.append(one.text, kind);
        line.addEventListener("mousedown", (event) => event.preventDefault());
        line.addEventListener("click", () => choose(place));
        return line;
      }));
      if (!found.length || document.activeElement !== input) { close(); return; }
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
    };
    async function ask() {
      const text = input.value.trim();
      request?.abort();
      if (!text || text.length > LONGEST) { close(); return; }
      request = new AbortController();
      const address = new URL(input.dataset.suggest, location.href);
      address.searchParams.set("q", text);
      try {
        const answer = await fetch(address, { signal: request.signal, headers: { Accept: "application/json" } });
        if (answer.ok && input.value.trim() === text) show(await answer.json());
      } catch { /* aborted by the next letter, or offline: the box works without */ }
    }

    input.addEventListener("input", (event) => {
      typed = input.value;
      clearTimeout(timer);
      if (!event.isComposing) timer = setTimeout(ask, PAUSE);
    });
    input.addEventListener("compositionend", () => {
      typed = input.value;
      clearTimeout(timer);
      timer = setTimeout(ask, PAUSE);
    });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && !list.hidden) {
        event.preventDefault();
        const places = found.length + 1;              /* one place more: back in the box */
        point((active + 1 + step + places) % places - 1);
      } else if (step === 1 && found.length && list.hidden) {
        event.preventDefault();
        ask();
      } else if (event.key === "Enter" && active >= 0) {
        event.preventDefault();
        choose(active);
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault();
        point(-1);
        close();
      }
    });
    input.form.addEventListener("submit", close);
  }

  const start = (root) => root.querySelectorAll("input[data-suggest]:not([role])").forEach(combobox);
  start(document);
  document.body.addEventListener("htmx:load", (event) => start(event.detail.elt));
})();
