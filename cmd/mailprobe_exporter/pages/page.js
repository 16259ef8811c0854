// Without JavaScript the filter is sent to the exporter, and nothing refreshes by itself.
"use strict";
const rows = [...document.querySelectorAll("tr[data-text]")];
const words = document.querySelector("input[name=q]");
if (words && rows.length) {
  words.addEventListener("input", () => {
    const wanted = words.value.toLowerCase().trim();
    for (const row of rows) row.hidden = !row.dataset.text.includes(wanted);
  });
}
const every = Number(document.body.dataset.refresh);
if (every > 0) {
  setInterval(() => {
    const busy = document.activeElement && document.activeElement.matches("input, select, textarea");
    const open = document.querySelector("details[open]");
    if (!busy && !open && !document.hidden) location.reload();
  }, every * 1000);
}
