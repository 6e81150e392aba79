// The weights of a small network as fields that can be typed into.

import { make } from "./controls.js";
import { show } from "./numbers.js";

// the index of a neuron as it is set below the line
export const low = (i) => "₁₂₃₄₅₆₇₈"[i];

const field = (name, i, value, change, label) => {
  const input = make("input", { type: "text", inputmode: "decimal", class: "number", "data-weight": `${name}${i}`, "aria-label": label });
  input.value = show(value, 5);
  input.addEventListener("change", () => {
    const number = Number(input.value.trim().replace("−", "-").replace(",", "."));
    const right = input.value.trim() !== "" && Number.isFinite(number) && Math.abs(number) <= 1000;
    input.toggleAttribute("aria-invalid", !right);
    if (right) change(name, i, number);
  });
  return input;
};

const update = (host, values) => {
  for (const [name, list] of values) {
    list.forEach((value, i) => {
      const input = host.querySelector(`[data-weight="${name}${i}"]`);
      if (input !== document.activeElement || !input.hasAttribute("aria-invalid")) input.value = show(value, 5);
    });
  }
};

// s: {n, m, w, b, v, w2, b2, v2}; the table is made anew only when its size changes, so that a field keeps its focus.
export const matrixTable = (host, t, s, change) => {
  const size = `${s.n} ${s.m} ${t("weights")}`;
  const values = [["w", s.w], ["b", s.b], ...(s.m ? [["w2", s.w2], ["b2", s.b2], ["v2", s.v2]] : [["v", s.v]])];
  if (host.dataset.size === size) return update(host, values);
  host.dataset.size = size;
  const cell = (name, i, value) => make("td", {}, field(name, i, value, change, `${name} ${i + 1}`));
  const head = (...names) => make("thead", {}, make("tr", {}, ...names.map((name) => make("th", {}, name))));
  const first = s.w.map((w, i) => make("tr", {}, make("th", { style: `color: var(--c${i % 8})` }, `h${low(i)}`), cell("w", i, w), cell("b", i, s.b[i]), ...(s.m ? [] : [cell("v", i, s.v[i])])));
  const tables = [make("table", { class: "weights" }, head("", "w", "b", ...(s.m ? [] : ["v"])), make("tbody", {}, ...first))];
  if (s.m) {
    const rows = s.b2.map((b, j) => make("tr", {}, make("th", { style: `color: var(--c${(j + s.n) % 8})` }, `g${low(j)}`), ...s.w.map((_, i) => cell("w2", j * s.n + i, s.w2[j * s.n + i])), cell("b2", j, b), cell("v2", j, s.v2[j])));
    tables.push(make("table", { class: "weights", style: "margin-top: .8rem" }, head("", ...s.w.map((_, i) => `h${low(i)}`), "b", "v"), make("tbody", {}, ...rows)));
  }
  host.replaceChildren(...tables);
  return undefined;
};
