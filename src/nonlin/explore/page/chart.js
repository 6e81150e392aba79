// A chart: axes, paths and handles in SVG. It draws what it is given and computes nothing of its own.

import { clamp, show, ticks } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 46, right: 14, top: 22, bottom: 34 };
const NARROW = 480; // of a phone: charts are taller there, so that a finger finds its way
const NEAR = 26; // a finger this near to a handle means it

export const element = (name, attributes = {}, parent = undefined) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
};

export const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// options: label (the title of a saved picture, and for screen readers), ratio (height by width), square (one scale
// for both axes), stays (in sight on a phone while the controls are scrolled), xLabel, yLabel
export const makeChart = (host, options) => {
  const figure = document.createElement("div");
  figure.className = options.stays ? "chart stays" : "chart";
  host.append(figure);
  const svg = element("svg", { role: "group", "aria-label": options.label }, figure);
  const layers = {};
  for (const name of ["under", "axes", "marks", "handles"]) layers[name] = element("g", { class: name }, svg);
  const chart = { figure, svg, layers, handles: new Map(), options, width: 0, height: 0 };
  chart.id = `c${(makeChart.count = (makeChart.count ?? 0) + 1)}`;
  return chart;
};

// Says what is what above a chart; entries are [text, colour, kind], the kind "line", "dash", "dots" or "area".
export const setKey = (chart, entries) => {
  const span = ([text, colour, kind]) => `<span class="${kind}" style="--color: ${colour}">${escaped(text)}</span>`;
  if (!chart.key) {
    chart.key = document.createElement("div");
    chart.key.className = "key";
    chart.figure.prepend(chart.key);
  }
  chart.key.innerHTML = entries.map(span).join("");
};

// Sets the window of a chart to data coordinates and draws the axes.
export const setWindow = (chart, x, y) => {
  const width = Math.max(260, Math.round(chart.svg.parentElement.clientWidth || 600));
  const ratio = (chart.options.ratio ?? 0.6) * (width < NARROW && !chart.options.square ? 1.35 : 1);
  const height = Math.round(clamp(width * ratio, 150, chart.options.tallest ?? 460));
  const inner = { w: width - MARGIN.left - MARGIN.right, h: height - MARGIN.top - MARGIN.bottom };
  if (chart.options.square) inner.w = inner.h = Math.min(inner.w, inner.h);
  Object.assign(chart, { width, height, x, y, inner });
  chart.sx = (v) => MARGIN.left + ((v - x[0]) / (x[1] - x[0])) * inner.w;
  chart.sy = (v) => MARGIN.top + ((y[1] - v) / (y[1] - y[0])) * inner.h;
  chart.ix = (v) => x[0] + ((v - MARGIN.left) / inner.w) * (x[1] - x[0]);
  chart.iy = (v) => y[1] - ((v - MARGIN.top) / inner.h) * (y[1] - y[0]);
  const shown = chart.options.square ? inner.w + MARGIN.left + MARGIN.right : width;
  chart.svg.setAttribute("viewBox", `0 0 ${shown} ${height}`);
  chart.svg.style.maxWidth = `${shown}px`;
  chart.layers.axes.innerHTML = axes(chart);
};

const axes = (chart) => {
  const { sx, sy, x, y, inner, options } = chart;
  const bottom = sy(y[0]);
  const left = sx(x[0]);
  const clip = `<clipPath id="${chart.id}"><rect x="${left}" y="${sy(y[1])}" width="${inner.w}" height="${inner.h}"/></clipPath>`;
  const gridX = ticks(x[0], x[1], clamp(inner.w / 70, 2, 8));
  const gridY = options.bare ? [] : ticks(y[0], y[1], clamp(inner.h / 45, 2, 7));
  const lines = options.plain
    ? ""
    : gridX.map((v) => `<path class="grid${v === 0 ? " zero" : ""}" d="M${sx(v)},${sy(y[1])}V${bottom}"/>`).join("") +
      gridY.map((v) => `<path class="grid${v === 0 ? " zero" : ""}" d="M${left},${sy(v)}H${left + inner.w}"/>`).join("");
  const words =
    gridX.map((v) => `<text x="${sx(v)}" y="${bottom + 16}" text-anchor="middle">${show(v)}</text>`).join("") +
    gridY.map((v) => `<text x="${left - 7}" y="${sy(v) + 4}" text-anchor="end">${show(v)}</text>`).join("");
  const names =
    (options.xLabel ? `<text class="name" x="${left + inner.w}" y="${bottom + 30}" text-anchor="end">${escaped(options.xLabel)}</text>` : "") +
    (options.yLabel ? `<text class="name" x="${left}" y="${sy(y[1]) - 7}">${escaped(options.yLabel)}</text>` : "");
  return `<defs>${clip}</defs>${lines}<rect class="frame" x="${left}" y="${sy(y[1])}" width="${inner.w}" height="${inner.h}"/>${words}${names}`;
};

// Writes the marks; the text is made of the functions below.
export const setMarks = (chart, ...marks) => {
  chart.layers.marks.innerHTML = `<g clip-path="url(#${chart.id})">${marks.flat(3).join("")}</g>`;
};

// A path through points [x, y]; it is lifted at a value that is not finite.
export const path = (chart, points, className, style = "") => {
  let d = "";
  let pen = false;
  const [low, high] = chart.y;
  const room = (high - low) * 20;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) {
      pen = false;
      continue;
    }
    d += `${pen ? "L" : "M"}${chart.sx(x).toFixed(2)},${chart.sy(clamp(y, low - room, high + room)).toFixed(2)}`;
    pen = true;
  }
  return d ? `<path class="${className}" d="${d}" style="${style}"/>` : "";
};

export const dot = (chart, x, y, className, radius = 4, style = "") =>
  `<circle class="${className}" cx="${chart.sx(x).toFixed(2)}" cy="${chart.sy(y).toFixed(2)}" r="${radius}" style="${style}"/>`;

export const label = (chart, x, y, text, options = {}) =>
  `<text class="${options.class ?? "mark"}" x="${(chart.sx(x) + (options.dx ?? 6)).toFixed(1)}" y="${(chart.sy(y) + (options.dy ?? -6)).toFixed(1)}" text-anchor="${options.anchor ?? "start"}">${escaped(text)}</text>`;

// Puts a handle at a place, making it the first time; what = {x, y, label, text, move(x, y), step: [dx, dy]}
export const setHandle = (chart, name, what) => {
  let handle = chart.handles.get(name);
  if (!handle) {
    handle = makeHandle(chart, name);
    chart.handles.set(name, handle);
  }
  handle.what = what;
  const x = clamp(chart.sx(what.x), MARGIN.left, MARGIN.left + chart.inner.w);
  const y = clamp(chart.sy(what.y), MARGIN.top, MARGIN.top + chart.inner.h);
  handle.group.setAttribute("transform", `translate(${x.toFixed(2)},${y.toFixed(2)})`);
  handle.group.setAttribute("aria-label", what.label);
  handle.group.setAttribute("aria-valuetext", what.text ?? `${show(what.x)}, ${show(what.y)}`);
  for (const [part, value] of [["now", what.x], ["min", chart.x[0]], ["max", chart.x[1]]]) handle.group.setAttribute(`aria-value${part}`, String(value));
  handle.group.setAttribute("class", `handle ${what.class ?? ""}`);
  handle.group.style.color = what.color ?? "";
};

export const dropHandles = (chart, keep) => {
  for (const [name, handle] of chart.handles) {
    if (keep.has(name)) continue;
    handle.group.remove();
    chart.handles.delete(name);
  }
};

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const makeHandle = (chart, name) => {
  const group = element("g", { tabindex: "0", role: "slider", "data-handle": name }, chart.layers.handles);
  element("circle", { class: "reach", r: 22 }, group);
  element("circle", { class: "knob", r: 6.5 }, group);
  const handle = { group, what: undefined };
  const place = (event) => {
    const box = chart.svg.getBoundingClientRect();
    const scale = chart.svg.viewBox.baseVal.width / box.width;
    return [chart.ix((event.clientX - box.left) * scale), chart.iy((event.clientY - box.top) * scale)];
  };
  const within = ([x, y]) => [clamp(x, ...chart.x), clamp(y, ...chart.y)];
  group.addEventListener("pointerdown", (event) => {
    const meant = nearest(chart, event) ?? group; // where handles lie close together, not the one drawn last
    meant.setPointerCapture(event.pointerId);
    meant.focus({ preventScroll: true });
    event.preventDefault();
  });
  group.addEventListener("pointermove", (event) => {
    if (group.hasPointerCapture(event.pointerId)) handle.what.move(...within(place(event)));
  });
  group.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const { x, y, step } = handle.what;
    const [dx, dy] = step ?? [(chart.x[1] - chart.x[0]) / 100, (chart.y[1] - chart.y[0]) / 100];
    const times = event.shiftKey ? 10 : 1;
    handle.what.move(...within([x + arrow[0] * dx * times, y + arrow[1] * dy * times]));
  });
  return handle;
};

const nearest = (chart, event) => {
  let [best, distance] = [undefined, NEAR];
  for (const { group } of chart.handles.values()) {
    const box = group.querySelector(".knob").getBoundingClientRect();
    const away = Math.hypot(event.clientX - box.x - box.width / 2, event.clientY - box.y - box.height / 2);
    if (away < distance) [best, distance] = [group, away];
  }
  return best;
};
