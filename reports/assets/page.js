"use strict";
// Shows a column's title at once and under a finger too; without this script the browser shows it by itself.
(() => {
  const says = new Map();
  for (const title of document.querySelectorAll(".hover > title")) {
    says.set(title.parentElement, title.textContent);
    title.remove();
  }
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  const point = (event) => {
    const text = says.get(event.target);
    tip.hidden = text === undefined;
    if (tip.hidden) return;
    tip.textContent = text;
    const { width, height } = tip.getBoundingClientRect();
    const beside = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
    const above = event.clientY - 16 - height;
    tip.style.left = `${Math.max(4, beside)}px`;
    tip.style.top = `${Math.max(4, above)}px`;
  };
  document.addEventListener("pointermove", point);
  document.addEventListener("pointerdown", point);
  document.addEventListener("scroll", () => { tip.hidden = true; }, true);
})();
