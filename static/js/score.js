/* The scoring page: the sum while typing, the level that fits, Ctrl+Enter saves and goes on. Works without it. */
(() => {
  "use strict";
  const form = document.querySelector("form[data-score]");
  if (!form) return;
  const sum = form.querySelector("[data-score-sum]");
  const boxes = Array.from(form.querySelectorAll(".crit"), (crit) => ({ crit, input: crit.querySelector("input") }));
  const number = (input) => {
    const text = input.value.normalize("NFKC").trim();
    return /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  };
  function show() {
    let total = 0;
    for (const { crit, input } of boxes) {
      const points = number(input);
      if (Number.isFinite(points)) total += Math.round(points * 100);
      for (const level of crit.querySelectorAll("[data-low]")) {
        level.classList.toggle("hit", points >= Number(level.dataset.low) && points <= Number(level.dataset.high));
      }
    }
    sum.textContent = (total / 100).toFixed(2);
  }
  for (const { crit, input } of boxes) {
    crit.addEventListener("focusin", () => boxes.forEach((one) => one.crit.classList.toggle("now", one.crit === crit)));
    input.addEventListener("focus", () => input.select());
  }
  form.addEventListener("input", show);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  });
  (boxes.find((one) => !one.input.value) ?? boxes[0])?.input.focus({ preventScroll: true });
})();
