// My network: the plane through three samples of the user's, its regions, and the units that never bend.

import { boundary, byClass, byMap, byOutput, classNames, largestOutput, outlines } from "../cells.js";
import { dot, label, makeChart, path, setHandle, setMarks, setWindow } from "../chart.js";
import { choice, facts, make, toggle } from "../controls.js";
import { foldLine, foldPlane, forward, largestParts, onPlane, partBorders } from "../geometry.js";
import { clamp, rounded } from "../numbers.js";

const WINDOW = [[-0.25, 1.25], [-0.25, 1.25]];
const COMMAND = "nonlin explore model.onnx --data samples.npz";
const KINDS = { "<f4": Float32Array, "<f8": Float64Array };

const decoded = ({ type, data, shape }) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const flat = Array.from(new KINDS[type](bytes.buffer));
  if (shape.length === 1) return flat;
  return Array.from({ length: shape[0] }, (_, i) => flat.slice(i * shape[1], (i + 1) * shape[1]));
};

let kept;
const networkOf = (data) => {
  kept ??= {
    layers: data.layers?.map((layer) => ({ weight: decoded(layer.weight), bias: decoded(layer.bias), pieces: layer.pieces })),
    samples: data.samples ? decoded(data.samples) : [],
    cells: data.cells,
  };
  return kept;
};

const lineOf = (layers, p, q) => {
  const [first, ...rest] = layers;
  const direction = q.map((v, i) => v - p[i]);
  const weight = first.weight.map((row) => [row.reduce((sum, w, i) => sum + w * direction[i], 0)]);
  const bias = first.weight.map((row, k) => row.reduce((sum, w, i) => sum + w * p[i], first.bias[k]));
  return foldLine([{ ...first, weight, bias }, ...rest], 0, 1).pieces;
};

const regions = (cells) => cells.map(({ points, edges, maps }) => ({ points, edges, maps }));

export const networkPanel = {
  id: "network",
  defaults: { p: 0, q: 1, r: 2, colour: "class", out: 0, folds: true, s: 0.33, t: 0.33 },
  mount(host, app) {
    const { t, data } = app;
    const given = data.network;
    if (!given) {
      host.append(make("p", {}, t("network.none"), " ", make("code", {}, COMMAND)));
      return { draw: () => {} };
    }
    const remark = given.random ? [make("p", { class: "notice" }, t("network.random"))] : [];
    const { layers, samples, cells: drawn } = networkOf(given);
    const live = Boolean(layers);
    const main = make("div", { class: "figures" });
    const side = make("div", { class: "controls" });
    host.append(make("p", {}, make("b", {}, given.name), ` · ${t("network.parameters", { n: given.parameters.toLocaleString("en") })}`, ...(given.example ? [` · ${t("network.example")} `, make("code", {}, COMMAND)] : [])), ...remark);
    host.append(make("div", { class: "columns" }, main, side));
    const chart = makeChart(main, { label: t("network.chart"), ratio: 1, square: true, plain: true, xLabel: "s", yLabel: "t", tallest: 620, stays: true });
    const numbers = facts();
    main.append(numbers.list, make("p", { class: "small" }, t(live ? "network.caption" : !given.picture ? "network.computed" : given.many ? "network.many" : "network.sampled")));
    const outputs = given.outputs;
    const names = samples.map((_, i) => [String(i), `${i}${given.labels ? ` (${given.labels[i]})` : ""}`]);
    const pickers = live ? ["p", "q", "r"].map((name) => [name, choice({ label: t(`network.${name}`), key: name, value: String(app.state[name]), choices: names, change: (v) => app.set({ [name]: Number(v) }) })]) : [];
    const kinds = outputs > 1 ? ["class", "output", "map"] : ["output", "map"];
    const colours = choice({ label: t("plane.colour"), key: "colour", value: app.state.colour, choices: kinds.map((k) => [k, t(`network.colour.${k}`)]), change: (colour) => app.set({ colour }) });
    const out = choice({ label: t("network.out"), key: "out", value: String(app.state.out), choices: Array.from({ length: outputs }, (_, i) => [String(i), String(i)]), change: (v) => app.set({ out: Number(v) }) });
    const folds = toggle({ label: t("plane.folds"), key: "folds", value: app.state.folds, change: (v) => app.set({ folds: v }) });
    side.append(...pickers.map(([, c]) => c.row), ...(given.picture ? [out.row] : [colours.row, out.row, folds.row]), calls(t, given));

    const slice = () => {
      const s = app.state;
      if (!live) return { cells: drawn, parts: undefined };
      const [p, q, r] = ["p", "q", "r"].map((name) => samples[s[name]]);
      const network = onPlane(layers, p, q, r);
      const pairs = [["p", p, "q", q], ["q", q, "r", r], ["r", r, "p", p]];
      return { network, cells: regions(foldPlane(network, WINDOW).cells), lines: pairs.map(([a, x, b, y]) => [`${a} – ${b}`, lineOf(layers, x, y).length]) };
    };
    let known = { key: "", made: undefined };
    const current = () => {
      const s = app.state;
      const key = live ? `${s.p} ${s.q} ${s.r}` : "computed";
      if (known.key !== key) known = { key, made: slice() };
      return known.made;
    };

    const draw = () => {
      const s = app.state;
      for (const name of ["p", "q", "r"]) s[name] = clamp(Math.round(s[name]), 0, Math.max(samples.length - 1, 0));
      s.out = clamp(Math.round(s.out), 0, outputs - 1);
      if (!kinds.includes(s.colour)) s.colour = kinds[0];
      pickers.forEach(([name, control]) => control.set(String(s[name])));
      colours.set(s.colour);
      out.set(String(s.out));
      out.row.hidden = s.colour === "class" && !given.picture;
      folds.set(s.folds);
      setWindow(chart, ...WINDOW);
      const corners = [["p", 0, 0], ["q", 1, 0], ["r", 0, 1]];
      const places = corners.map(([name, x, y]) => dot(chart, x, y, "kink", 5, "stroke: var(--ink)") + label(chart, x, y, given.labels ? `${name} (${given.labels[s[name]]})` : name, { dx: 9, dy: -9 }));
      if (given.picture) return drawPicture(places);
      const made = current();
      const triangle = path(chart, [[0, 0], [1, 0], [0, 1], [0, 0]], "dash");
      const parts = s.colour === "class" ? (made.parts ??= largestParts(made.cells)) : [];
      const fill = { class: () => byClass(chart, parts), output: () => byOutput(chart, made.cells, s.out, largestOutput(made.cells, s.out)), map: () => byMap(chart, made.cells, s.out) };
      setMarks(chart, fill[s.colour](), s.folds ? outlines(chart, made.cells) : "", boundary(chart, partBorders(parts)), triangle, places, classNames(chart, parts));
      const rows = [[t("plane.regions"), given.count ?? made.cells.length, "regions"], ...(made.lines ?? given.lines ?? []).map(([name, n], i) => [t("network.line", { name }), n, `line${i}`])];
      if (live) {
        setHandle(chart, "probe", { x: s.s, y: s.t, label: t("network.probe"), color: "var(--ink)", step: [0.01, 0.01], move: (x, y) => app.set({ s: rounded(x), t: rounded(y) }) });
        const y = forward(made.network, [s.s, s.t]);
        rows.push([t("network.here"), `(${s.s}, ${s.t})`, "here"], [t(outputs > 1 ? "network.largest" : "network.value"), outputs > 1 ? y.indexOf(Math.max(...y)) : y[0], "answer"], [t("network.valueOf", { i: s.out }), y[s.out], "value", 6]);
      }
      numbers.set(rows);
      return undefined;
    };

    // of a network that is not piecewise linear: the output on a grid of points, as Python computed it
    const drawPicture = (places) => {
      const { size, values } = given.picture;
      const grid = values[app.state.out];
      const limit = Math.max(...grid.map(Math.abs), 1e-9);
      const width = (WINDOW[0][1] - WINDOW[0][0]) / size;
      const squares = grid.map((v, k) => {
        const [i, j] = [k % size, Math.floor(k / size)];
        const [x, y] = [chart.sx(WINDOW[0][0] + i * width), chart.sy(WINDOW[1][0] + (j + 1) * width)];
        const share = (100 * Math.min(Math.abs(v) / limit, 1)).toFixed(1);
        return `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(chart.inner.w / size + 0.6).toFixed(1)}" height="${(chart.inner.h / size + 0.6).toFixed(1)}" style="fill: color-mix(in srgb, var(${v < 0 ? "--low" : "--high"}) ${share}%, var(--middle))"/>`;
      });
      setMarks(chart, squares, places);
      numbers.set([[t("network.points"), `${size} × ${size}`, "points"]]);
    };

    return { draw };
  },
};

const calls = (t, given) => {
  const head = ["call", "units", "dead", "always"].map((name, i) => make("th", { class: i ? "n" : "" }, t(`network.${name}`)));
  const rows = given.calls.map((call) => make("tr", {}, make("th", { scope: "row" }, call.name), ...["units", "dead", "linear"].map((key) => make("td", { class: "n", "data-call": `${call.name}-${key}` }, call[key] === null ? "–" : String(call[key])))));
  return make("div", {}, make("h2", {}, t("network.unitsTitle")), make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))), make("p", { class: "small" }, t("network.unitsText", { n: given.measured })));
};
