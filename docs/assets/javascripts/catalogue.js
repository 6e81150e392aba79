// The catalogue's table: sorting by a column, filtering by words and properties; the cards follow.
"use strict";

(() => {
  const root = document.querySelector(".catalogue");
  if (!root) return;
  const body = root.querySelector("tbody");
  const heads = [...root.querySelectorAll("thead th")];
  const form = root.querySelector("form");
  const output = root.querySelector("output");
  const cards = document.querySelector(".cards");
  const cardOf = new Map([...cards.children].map((card) => [card.dataset.name, card]));

  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what has no value comes last, either way
    const [p, q] = [Number(a), Number(b)].map((x, i) => (Number.isNaN(x) ? infinite([a, b][i]) : x));
    return Number.isNaN(p) || Number.isNaN(q) ? a.localeCompare(b) : p - q;
  };
  const infinite = (text) => ({ inf: Infinity, "-inf": -Infinity })[text] ?? NaN;

  const sort = (column) => {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.children[column].dataset.key;
    const rows = [...body.rows].sort((a, b) => {
      const empty = key(a) === "" || key(b) === "";
      return (down && !empty ? -1 : 1) * compare(key(a), key(b));
    });
    body.append(...rows);
    cards.append(...rows.map((row) => cardOf.get(row.dataset.name)));
  };

  const filter = () => {
    const words = form.elements.find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const asked = [...form.querySelectorAll("input:checked")].map((box) => box.value);
    let shown = 0;
    for (const row of body.rows) {
      const facts = row.dataset.facts.split(" ");
      const fits = words.every((word) => row.dataset.text.includes(word)) && asked.every((fact) => facts.includes(fact));
      row.hidden = !fits;
      cardOf.get(row.dataset.name).hidden = !fits;
      shown += fits;
    }
    output.textContent = `${shown} of ${body.rows.length}`;
  };

  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sort(column)));
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
