// Tables of answers: sorted by the column whose heading is pressed, filtered by what is typed.
function valueOf(row, column) {
  const text = row.cells[column].textContent;
  const number = Number(text.replace(",", "."));
  return Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b));
}

function sortBy(table, column) {
  const heading = table.tHead.rows[0].cells[column];
  const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => direction * compare(valueOf(a, column), valueOf(b, column)));
  table.tBodies[0].append(...rows);
}

function showMatching(table, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of table.tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word));
  }
}

for (const block of document.querySelectorAll(".answers")) {
  const table = block.querySelector("table");
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    cell.querySelector("button").addEventListener("click", () => sortBy(table, column));
  });
  const filter = block.previousElementSibling;
  filter.addEventListener("input", () => showMatching(table, filter.value));
}
