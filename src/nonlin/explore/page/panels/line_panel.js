// Folding in one dimension: a few neurons with their weights as handles, what each makes, and what comes out.

import { dot, dropHandles, label, makeChart, path, setHandle, setMarks, setWindow } from "../chart.js";
import { button, facts, make, slider } from "../controls.js";
import { foldLine, forward, mostPieces, RELU } from "../geometry.js";
import { clamp, randomNumbers, rounded } from "../numbers.js";
import { low, matrixTable } from "../tables.js";

const WINDOW = [-4, 4];
const MOST = 8;
const FIRST = { w: [1, -1, 1, 1, -1, 1, -1, 1], b: [1, 0.5, -1.5, 2.5, -1, -2.5, 2, 0], v: [1, 1, -2, -1, 1, 1, -1, 0.5] };
const SECOND = { w: [1, -1, 1, -1, 0.5, 1, -0.5, 1], b: [-1, 0.5, -2, 1], v: [1, -1, 1, -1] };

const colour = (i) => `var(--c${i % 8})`;

const second = (n, m) => Array.from({ length: m }, (_, j) => Array.from({ length: n }, (_, i) => SECOND.w[(i + 3 * j) % 8])).flat();

const filled = (given, usual, count) => Array.from({ length: count }, (_, i) => given[i] ?? usual[i % usual.length]);

// The state with arrays as long as the numbers of neurons ask.
const completed = (state) => {
  const n = clamp(Math.round(state.n), 1, MOST);
  const m = clamp(Math.round(state.m), 0, 4);
  return {
    n, m, c: state.c,
    w: filled(state.w, FIRST.w, n), b: filled(state.b, FIRST.b, n), v: filled(state.v, FIRST.v, Math.max(n, 1)),
    w2: state.w2.length === n * m ? state.w2 : second(n, m), b2: filled(state.b2, SECOND.b, m), v2: filled(state.v2, SECOND.v, m),
  };
};

export const lineNetwork = (state) => {
  const s = completed(state);
  const layers = [{ weight: s.w.map((w) => [w]), bias: s.b, pieces: RELU }];
  if (s.m) layers.push({ weight: s.b2.map((_, j) => s.w2.slice(j * s.n, (j + 1) * s.n)), bias: s.b2, pieces: RELU });
  return [...layers, { weight: [s.m ? s.v2 : s.v], bias: [s.c], pieces: null }];
};

const stateOf = (network) => {
  const [first, ...rest] = network;
  const last = rest.at(-1);
  const relu = (layer) => layer.pieces && JSON.stringify(layer.pieces) === JSON.stringify(RELU);
  if (network.length > 3 || !network.slice(0, -1).every(relu) || last.pieces || first.weight[0].length !== 1 || last.weight.length !== 1) throw new Error("network: 1 → ReLU → (ReLU →) 1");
  const deep = rest.length === 2 ? rest[0] : undefined;
  if (first.weight.length > MOST || (deep?.weight.length ?? 0) > 4) throw new Error("network: at most 8 and 4 neurons");
  const common = { n: first.weight.length, m: deep?.weight.length ?? 0, w: first.weight.map((r) => r[0]), b: first.bias, c: last.bias[0] };
  return deep ? { ...common, w2: deep.weight.flat(), b2: deep.bias, v2: last.weight[0] } : { ...common, v: last.weight[0] };
};

const corners = (pieces, unit) => {
  const points = [];
  for (const { low, high, maps } of pieces) points.push([low, maps[unit][0] * low + maps[unit][1]], [high, maps[unit][0] * high + maps[unit][1]]);
  return points;
};

// A curve's name, beside the end where it is higher and still within the window.
const named = (chart, points, text) => {
  const [first, last] = [points[0], points.at(-1)];
  const right = last[1] >= first[1];
  const [x, y] = right ? last : first;
  if (y <= 1e-9) return "";
  const top = chart.y[1] - 0.1 * (chart.y[1] - chart.y[0]);
  const [p, q] = right ? [points.at(-2), last] : [points[1], first];
  const shown = y > top && p[1] < top ? p[0] + ((q[0] - p[0]) * (top - p[1])) / (q[1] - p[1]) : x;
  return label(chart, shown, Math.min(y, top), text, { anchor: right ? "end" : "start", dx: right ? -4 : 4, dy: -5 });
};

const rangeOf = (curves, least) => {
  const values = curves.flat().map(([, y]) => y);
  const bottom = clamp(Math.min(...values, least[0]), -40, 0);
  const high = clamp(Math.max(...values, least[1]), 0, 40);
  return [bottom - 0.07 * (high - bottom), high + 0.1 * (high - bottom)];
};

export const linePanel = {
  id: "line",
  defaults: { n: 3, m: 0, w: [], b: [], v: [], c: 0, w2: [], b2: [], v2: [] },
  exported: (state) => ({ network: lineNetwork(state).map(({ weight, bias, pieces }) => ({ weight, bias, activation: pieces ? "relu" : null })) }),
  imported: (found, state, given) => (found.network && !given("n") ? stateOf(found.network.map((l) => ({ weight: l.weight, bias: l.bias, pieces: l.activation ? RELU : null }))) : {}),
  mount(host, app) {
    const { t } = app;
    const main = make("div", { class: "figures" });
    const side = make("div", { class: "controls" });
    host.append(make("div", { class: "columns" }, main, side));
    const pair = make("div", { class: "pair" });
    const boxes = ["first", "second"].map((name) => make("div", {}, make("h2", {}, t(`line.${name}`))));
    pair.append(...boxes);
    main.append(pair);
    const charts = boxes.map((box, i) => makeChart(box, { label: t(`line.${["first", "second"][i]}`), ratio: 0.62, xLabel: "x" }));
    main.append(make("h2", {}, t("line.output")));
    const output = makeChart(main, { label: t("line.output"), ratio: 0.42, xLabel: "x", yLabel: "y", stays: true });
    const numbers = facts();
    main.append(numbers.list, make("p", { class: "small" }, t("line.caption")));
    const count = slider({ label: t("line.n"), key: "n", low: 1, high: MOST, step: 1, value: app.state.n, change: (n) => app.set({ ...completed({ ...app.state, n, w2: [] }) }) });
    const depth = slider({ label: t("line.m"), key: "m", low: 0, high: 4, step: 1, value: app.state.m, change: (m) => app.set({ ...completed({ ...app.state, m, w2: [] }) }) });
    const bias = slider({ label: t("line.c"), key: "c", low: -4, high: 4, step: 0.01, value: app.state.c, change: (c) => app.set({ c }) });
    const table = make("div", { class: "scroll" });
    side.append(
      count.row, depth.row, bias.row,
      make("div", { class: "buttons" }, button(t("line.random"), () => app.set(randomised(app.state)), "random"), button(t("reset"), () => app.set({ ...linePanel.defaults }), "reset"), button(t("line.sawtooth"), () => app.set(sawtooth()), "sawtooth")),
      make("h2", {}, t("weights")), table,
    );

    const change = (name, i, value) => {
      const all = completed(app.state);
      all[name][i] = value;
      app.set({ ...all, [name]: [...all[name]] });
    };

    const draw = () => {
      const s = completed(app.state);
      Object.assign(app.state, { n: s.n, m: s.m });
      for (const [control, value] of [[count, s.n], [depth, s.m], [bias, s.c]]) control.set(value);
      const network = lineNetwork(app.state);
      const { pieces } = foldLine(network, ...WINDOW);
      const hidden = foldLine(network.slice(0, 1), ...WINDOW).pieces;
      pair.style.gridTemplateColumns = s.m ? "" : "minmax(0, 1fr)";
      boxes[1].hidden = !s.m;
      drawFirst(s, hidden);
      if (s.m) drawSecond(s, foldLine(network.slice(0, 2), ...WINDOW).pieces);
      drawOutput(s, pieces, hidden);
      numbers.set([[t("line.pieces"), pieces.length, "pieces"], [t("line.most"), mostPieces(network), "most"], [t("line.atZero"), forward(network, [0])[0], "y0", 6]]);
      matrixTable(table, t, s, change);
    };

    const drawFirst = (s, hidden) => {
      const chart = charts[0];
      chart.options.ratio = s.m ? 0.62 : 0.36;
      const curves = s.w.map((_, i) => corners(hidden, i));
      setWindow(chart, WINDOW, rangeOf(curves, [-0.4, 3]));
      setMarks(chart, curves.map((points, i) => path(chart, points, "thin", `stroke: ${colour(i)}; stroke-width: 2`)), curves.map((points, i) => named(chart, points, `h${low(i)}`)));
      const keep = new Set();
      s.w.forEach((w, i) => {
        if (Math.abs(w) < 1e-9) return;
        const kink = -s.b[i] / w;
        keep.add(`bias${i}`).add(`weight${i}`);
        const shown = clamp(kink, ...WINDOW);
        setHandle(chart, `bias${i}`, { x: shown, y: 0, color: colour(i), label: t("line.biasHandle", { i: i + 1 }), text: `b = ${rounded(s.b[i])}`, step: [0.05, 0], move: (x) => change("b", i, rounded(-w * x)) });
        const side = Math.sign(w);
        const place = clamp(shown + side, ...WINDOW);
        setHandle(chart, `weight${i}`, {
          x: place, y: Math.max(w * place + s.b[i], 0), color: colour(i), class: "turn", label: t("line.weightHandle", { i: i + 1 }), text: `w = ${rounded(w)}`, step: [0, 0.05],
          move: (x, y) => {
            const turned = Math.sign(x - kink || side) !== side && Math.abs(x - kink) > 0.3 ? -side : side;
            const next = turned * clamp(Math.abs(y) / Math.max(Math.abs(place - kink), 0.2), 0.05, 8);
            const all = completed(app.state);
            all.w[i] = rounded(next);
            all.b[i] = rounded(-next * kink);
            app.set(all);
          },
        });
      });
      dropHandles(chart, keep);
    };

    const drawSecond = (s, cells) => {
      const chart = charts[1];
      const curves = s.b2.map((_, j) => corners(cells, j));
      setWindow(chart, WINDOW, rangeOf(curves, [Math.min(-0.4, ...s.b2), Math.max(3, ...s.b2)]));
      setMarks(chart, curves.map((points, j) => path(chart, points, "thin", `stroke: ${colour(j + s.n)}; stroke-width: 2`)), curves.map((points, j) => named(chart, points, `g${low(j)}`)));
      s.b2.forEach((b, j) => setHandle(chart, `bias2${j}`, { x: WINDOW[0] + 0.35 + 0.55 * j, y: clamp(b, ...chart.y), color: colour(j + s.n), label: t("line.bias2Handle", { i: j + 1 }), text: `b = ${rounded(b)}`, step: [0, 0.05], move: (_, y) => change("b2", j, rounded(y)) }));
      dropHandles(chart, new Set(s.b2.map((_, j) => `bias2${j}`)));
    };

    const drawOutput = (s, pieces, hidden) => {
      const line = corners(pieces, 0);
      const parts = s.m ? [] : s.v.map((v, i) => corners(hidden, i).map(([x, y]) => [x, v * y]));
      setWindow(output, WINDOW, rangeOf([line], [-1, 2]));
      setMarks(
        output,
        parts.map((points, i) => path(output, points, "thin", `stroke: ${colour(i)}; stroke-opacity: .5; stroke-width: 1.2`)),
        path(output, line, "line", "stroke: var(--ink)"),
        pieces.slice(1).map((p) => dot(output, p.low, p.maps[0][0] * p.low + p.maps[0][1], "kink", 3.2, "stroke: var(--ink)")),
      );
    };

    return { draw };
  },
};

const randomised = (state) => {
  const s = completed(state);
  const { normal } = randomNumbers(Math.floor(Math.random() * 2 ** 31));
  const draw = (count, scale = 1) => Array.from({ length: count }, () => rounded(normal() * scale, 2));
  const w = draw(s.n, 1.2).map((v) => (Math.abs(v) < 0.2 ? 0.5 : v));
  const kinks = draw(s.n, 1.6);
  return { ...s, w, b: kinks.map((x, i) => rounded(-w[i] * x, 2)), v: draw(s.n), w2: draw(s.n * s.m), b2: draw(s.m), v2: draw(s.m), c: 0 };
};

// A tent by two neurons, folded once more by two others: 4 times up and down with 4 neurons.
const sawtooth = () => ({ n: 3, m: 3, w: [1, 1, 1], b: [2, 0, -2], v: [1, -2, 1], w2: [1, -2, 2, 1, -2, 2, 1, -2, 2], b2: [0, -0.5, -1], v2: [2, -4, 4], c: 0 });
