// Without JavaScript the filter is sent to the exporter, and nothing refreshes by itself.
"use strict";
const rows = [...document.querySelectorAll("tr[data-text]")];
const words = document.querySelector("input[name=q]");
const none = document.querySelector("[data-none]");
if (words && none) {
  const filter = () => {
    const wanted = words.value.toLowerCase().trim();
    for (const row of rows) row.hidden = !row.dataset.text.includes(wanted);
    none.textContent = rows.every((row) => row.hidden) ? none.dataset.none : "";
  };
  words.addEventListener("input", filter);
  filter(); // A browser that comes back to a page has kept what was typed.
}
const every = Number(document.body.dataset.refresh);
if (every > 0) {
  setInterval(() => {
    const busy = document.activeElement && document.activeElement.matches("input, select, textarea");
    const typed = words && words.value !== words.defaultValue;
    if (!busy && !typed && !document.hidden) location.reload();
  }, every * 1000);
}
