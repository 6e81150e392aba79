// Sliders, choices, buttons and tables of facts; each has a label, works with the keyboard, and refuses wrong input.

import { show } from "./numbers.js";

export const make = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== undefined).flatMap(name === "option" ? (text) => text : typeset));
  return node;
};

// σ_w with its letter set low
const typeset = (child) => {
  if (typeof child !== "string" || !child.includes("σ_")) return [child];
  return child.split(/_([wb])/).map((part, i) => (i % 2 ? make("sub", {}, part) : part));
};

let count = 0;

// options: label, low, high, step, value, change(value), key (for tests and styles)
export const slider = (options) => {
  const id = `s${count++}`;
  const range = make("input", { type: "range", id, min: options.low, max: options.high, step: options.step, "data-key": options.key });
  const field = make("input", { type: "text", inputmode: "decimal", class: "number", "aria-label": options.label, "data-number": options.key });
  const row = make("div", { class: "slider" }, make("label", { for: id }, options.label), range, field);
  const set = (value) => {
    range.value = String(value);
    if (document.activeElement !== field || !field.hasAttribute("aria-invalid")) field.value = show(value, 6);
  };
  range.addEventListener("input", () => options.change(Number(range.value)));
  field.addEventListener("change", () => {
    const value = Number(field.value.trim().replace("−", "-").replace(",", "."));
    const right = field.value.trim() !== "" && value >= options.low && value <= options.high;
    const whole = options.step !== 1 || Number.isInteger(value);
    field.toggleAttribute("aria-invalid", !(right && whole));
    field.title = right && whole ? "" : `${show(options.low)} … ${show(options.high)}`;
    if (right && whole) options.change(value);
  });
  set(options.value);
  return { row, set };
};

// options: label, choices [[value, text]], value, change(value), key
export const choice = (options) => {
  const id = `s${count++}`;
  const select = make("select", { id, "data-key": options.key });
  for (const [value, text] of options.choices) select.append(make("option", { value }, text));
  select.value = options.value;
  select.addEventListener("change", () => options.change(select.value));
  const row = make("div", { class: "choice" }, make("label", { for: id }, options.label), select);
  return { row, set: (value) => (select.value = value) };
};

export const button = (text, click, key) => make("button", { type: "button", onclick: click, "data-key": key }, text);

export const toggle = (options) => {
  const box = make("input", { type: "checkbox", "data-key": options.key });
  box.checked = options.value;
  box.addEventListener("change", () => options.change(box.checked));
  const row = make("label", { class: "toggle" }, box, options.label);
  return { row, set: (value) => (box.checked = value) };
};

// Facts: a row of terms with values; every value keeps its full precision in data-value.
export const facts = () => {
  const list = make("dl", { class: "facts" });
  const set = (rows) => {
    list.replaceChildren(
      ...rows.map(([term, value, key, digits]) =>
        make(
          "div",
          {},
          make("dt", {}, term),
          make("dd", { "data-fact": key, "data-value": String(value) }, typeof value === "number" ? show(value, digits ?? 5) : value),
        ),
      ),
    );
  };
  return { list, set };
};

export const download = (name, text, type) => {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};
