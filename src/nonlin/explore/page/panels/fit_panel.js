// Build any function: draw a curve, and n ReLUs fit it.

import { dot, makeChart, path, setHandle, setKey, setMarks, setWindow } from "../chart.js";
import { button, choice, facts, make, slider, toggle } from "../controls.js";
import { fitPolyline } from "../fitting.js";
import { clamp, rounded } from "../numbers.js";

const [LOW, HIGH, COUNT] = [-3, 3, 97];
const STEP = (HIGH - LOW) / (COUNT - 1);
const WINDOW_Y = [-2.5, 2.5];

const SHAPES = {
  sine: (x) => 1.6 * Math.sin(2 * x),
  parabola: (x) => 0.45 * x * x - 1.8,
  bump: (x) => 2.6 * Math.exp(-2 * x * x) - 0.6,
  stairs: (x) => clamp(Math.round(x * 0.9) * 0.7, -2.2, 2.2),
  chirp: (x) => 1.4 * Math.sin(0.9 * (x + 3) ** 1.6),
};

const sampled = (name) => Array.from({ length: COUNT }, (_, i) => rounded((SHAPES[name] ?? SHAPES.sine)(LOW + i * STEP), 3));

export const fitPanel = {
  id: "fit",
  defaults: { n: 8, shape: "sine", y: [], at: 0, parts: false },
  exported: (state) => {
    const ys = state.y.length === COUNT ? state.y : sampled(state.shape);
    const fit = fitPolyline(LOW, HIGH, ys, clamp(Math.round(state.n), 1, 40));
    const hidden = { weight: fit.at.map(() => [1]), bias: fit.at.map((x) => -x), activation: "relu" };
    return { network: [hidden, { weight: [fit.changes], bias: [fit.start], activation: null }], points: ys.map((y, i) => [LOW + i * STEP, y]) };
  },
  mount(host, app) {
    const { t } = app;
    const main = make("div", { class: "figures" });
    const side = make("div", { class: "controls" });
    host.append(make("div", { class: "columns" }, main, side));
    const chart = makeChart(main, { label: t("fit.chart"), ratio: 0.58, xLabel: "x", stays: true });
    setKey(chart, [[t("fit.drawn"), "var(--c1)", "line"], [t("fit.network"), "var(--c0)", "line"], [t("fit.error"), "var(--ink)", "line"]]);
    const numbers = facts();
    main.append(numbers.list, make("p", { class: "small" }, t("fit.caption")));
    const count = slider({ label: t("fit.n"), key: "n", low: 1, high: 40, step: 1, value: app.state.n, change: (n) => app.set({ n }) });
    const shape = choice({ label: t("fit.shape"), key: "shape", value: app.state.shape, choices: Object.keys(SHAPES).map((s) => [s, t(`fit.shape.${s}`)]), change: (s) => app.set({ shape: s, y: [] }) });
    const parts = toggle({ label: t("fit.parts"), key: "parts", value: app.state.parts, change: (v) => app.set({ parts: v }) });
    side.append(count.row, shape.row, parts.row, make("div", { class: "buttons" }, button(t("reset"), () => app.set({ ...fitPanel.defaults }), "reset")), make("p", { class: "small" }, t("fit.help")));

    const values = () => (app.state.y.length === COUNT ? [...app.state.y] : sampled(app.state.shape));
    const index = (x) => clamp(Math.round((x - LOW) / STEP), 0, COUNT - 1);

    let pen;
    const place = (event) => {
      const box = chart.svg.getBoundingClientRect();
      const scale = chart.svg.viewBox.baseVal.width / box.width;
      return [chart.ix((event.clientX - box.left) * scale), clamp(chart.iy((event.clientY - box.top) * scale), ...WINDOW_Y)];
    };
    const drawTo = ([x, y]) => {
      const ys = values();
      const [i, j] = [index(pen[0]), index(x)];
      for (let k = Math.min(i, j); k <= Math.max(i, j); k++) ys[k] = rounded(i === j ? y : pen[1] + ((y - pen[1]) * (k - i)) / (j - i), 3);
      pen = [x, y];
      app.set({ y: ys });
    };
    chart.svg.style.touchAction = "none";
    chart.svg.addEventListener("pointerdown", (event) => {
      if (event.target.closest(".handle")) return;
      pen = place(event);
      chart.svg.setPointerCapture(event.pointerId);
      drawTo(pen);
    });
    chart.svg.addEventListener("pointermove", (event) => pen && drawTo(place(event)));
    for (const end of ["pointerup", "pointercancel"]) chart.svg.addEventListener(end, () => (pen = undefined));

    // the curve's value at the cursor, and less of the change beside it
    const raise = (x, y) => {
      const ys = values();
      const here = index(app.state.at);
      const change = y - ys[here];
      if (Math.abs(x - app.state.at) > STEP / 2) return app.set({ at: rounded(LOW + index(x) * STEP, 4) });
      return app.set({ y: ys.map((v, i) => rounded(clamp(v + change * Math.exp(-(((i - here) / 4) ** 2)), ...WINDOW_Y), 3)) });
    };

    const draw = () => {
      const state = app.state;
      state.n = clamp(Math.round(state.n), 1, 40);
      count.set(state.n);
      shape.set(state.shape);
      parts.set(state.parts);
      const ys = values();
      const fit = fitPolyline(LOW, HIGH, ys, state.n);
      setWindow(chart, [LOW, HIGH], WINDOW_Y);
      const units = state.parts ? fit.at.map((a, i) => path(chart, [[LOW, 0], [a, 0], [HIGH, fit.changes[i] * (HIGH - a)]], "thin", "stroke: var(--muted); stroke-opacity: .6; stroke-width: 1")) : "";
      const gap = [[fit.worst, ys[index(fit.worst)]], [fit.worst, fit.value(fit.worst)]];
      setMarks(chart, units, path(chart, ys.map((y, i) => [LOW + i * STEP, y]), "thin", "stroke: var(--c1); stroke-width: 2.2"), path(chart, fit.knots, "line"), path(chart, gap, "thin", "stroke: var(--ink); stroke-width: 3"), fit.knots.map(([x, y]) => dot(chart, x, y, "kink", 3.2)));
      setHandle(chart, "cursor", { x: clamp(state.at, LOW, HIGH), y: ys[index(state.at)], color: "var(--c1)", label: t("fit.cursor"), step: [STEP, 0.05], move: raise });
      numbers.set([[t("fit.units"), fit.at.length, "units"], [t("fit.error"), fit.error, "error", 4], [t("fit.where"), fit.worst, "worst", 4]]);
    };
    return { draw };
  },
};

