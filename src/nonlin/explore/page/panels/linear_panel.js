// Linear or not: f(a + b) against f(a) + f(b), f(c·a) against c·f(a), and what becomes of a stack of linear layers.

import { dot, label, makeChart, path, setHandle, setMarks, setWindow } from "../chart.js";
import { choice, facts, make, slider, toggle } from "../controls.js";
import { CATALOGUE } from "../generated.js";
import { clamp, rounded, show } from "../numbers.js";

const enclosed = (value) => (value < 0 ? `(${show(value)})` : show(value));

const LAYERS = 3;
const SAME = 1e-9; // both sides are equal up to rounding

const usual = (f) => Object.fromEntries(f.parameters.map((p) => [p.name, p.usual]));

const curve = (g, low, high, count = 600) => Array.from({ length: count + 1 }, (_, i) => low + ((high - low) * i) / count).map((x) => [x, g(x)]);

const windowOf = (curves, extra) => {
  const values = [...curves.flat().map(([, y]) => y), ...extra].filter(Number.isFinite);
  const [low, high] = [clamp(Math.min(...values, 0), -15, 0), clamp(Math.max(...values, 1), 1, 15)];
  return [low - 0.08 * (high - low), high + 0.12 * (high - low)];
};

export const linearPanel = {
  id: "linear",
  defaults: { f: "relu", a: 2, b: -1.5, c: -1, w: [1.5, -0.8, 1.2], s: [0.5, 1, -0.3], between: false },
  mount(host, app) {
    const { t } = app;
    const [main, side, lower, beside] = ["figures", "controls", "figures", "controls"].map((name) => make("div", { class: name }));
    host.append(make("div", { class: "columns" }, main, side));
    host.append(make("h2", {}, t("linear.stack")), make("p", { class: "small" }, t("linear.stackText")));
    host.append(make("div", { class: "columns" }, lower, beside));
    const chart = makeChart(main, { label: t("linear.chart"), ratio: 0.48, xLabel: "x", yLabel: "f(x)", stays: true });
    const table = make("div", { class: "scroll" });
    const verdict = make("p", { "data-fact": "verdict" });
    main.append(table, verdict);
    const equation = make("p", { class: "equation", "data-fact": "equation" });
    const stack = makeChart(lower, { label: t("linear.stack"), ratio: 0.4, xLabel: "x", yLabel: "y", stays: true });
    const collapsed = facts();
    lower.append(equation, collapsed.list);

    const picker = choice({ label: t("function.choose"), key: "f", value: app.state.f, choices: Object.keys(CATALOGUE).map((n) => [n, n]), change: (f) => app.set({ f }) });
    const sliders = ["a", "b", "c"].map((name) => [name, slider({ label: name, key: name, low: -4, high: 4, step: 0.01, value: app.state[name], change: (v) => app.set({ [name]: v }) })]);
    const between = toggle({ label: t("linear.between"), key: "between", value: app.state.between, change: (v) => app.set({ between: v }) });
    const put = (name, i, v) => app.set({ [name]: app.state[name].map((old, k) => (k === i ? v : old)) });
    const weights = Array.from({ length: LAYERS }, (_, i) => [
      slider({ label: `w${"₁₂₃"[i]}`, key: `w${i}`, low: -3, high: 3, step: 0.01, value: app.state.w[i], change: (v) => put("w", i, v) }),
      slider({ label: `b${"₁₂₃"[i]}`, key: `s${i}`, low: -3, high: 3, step: 0.01, value: app.state.s[i], change: (v) => put("s", i, v) }),
    ]);
    side.append(picker.row, ...sliders.map(([, s]) => s.row));
    beside.append(between.row, ...weights.flat().map((s) => s.row));

    const draw = () => {
      const s = app.state;
      if (!CATALOGUE[s.f] || s.w.length !== LAYERS || s.s.length !== LAYERS) {
        app.say(t("page.badAddress", { parts: "f, w, s" }));
        const { f, w, s: shift } = linearPanel.defaults;
        Object.assign(s, { f: CATALOGUE[s.f] ? s.f : f, w: [...w], s: [...shift] });
      }
      picker.set(s.f);
      between.set(s.between);
      sliders.forEach(([name, control]) => control.set(s[name]));
      weights.forEach(([w, b], i) => (w.set(s.w[i]), b.set(s.s[i])));
      const entry = CATALOGUE[s.f];
      const parameters = usual(entry);
      const f = (x) => entry.value(x, parameters);
      drawLaws(s, f);
      drawStack(s, f);
      const known = entry.properties.linearity;
      verdict.textContent = known ? t("linear.verdict", { f: s.f, verdict: t(`word.${known.value}`), status: t(`status.${known.status}`) }) : "";
    };

    const drawLaws = (s, f) => {
      const sum = s.a + s.b;
      const reach = Math.max(5, Math.abs(sum) * 1.15, Math.abs(s.a) * 1.15);
      const points = curve(f, -reach, reach);
      setWindow(chart, [-reach, reach], windowOf([points], [f(s.a) + f(s.b), f(sum)]));
      setMarks(
        chart,
        path(chart, points, "line"),
        path(chart, [[sum, f(sum)], [sum, f(s.a) + f(s.b)]], "thin", "stroke: var(--c1); stroke-width: 3"),
        [["a", s.a], ["b", s.b]].map(([name, x]) => path(chart, [[x, 0], [x, f(x)]], "dash") + label(chart, x, f(x), `f(${name})`, f(x + 0.1) >= f(x - 0.1) ? { anchor: "end", dx: -9, dy: -9 } : { dx: 9, dy: -9 })),
        dot(chart, sum, f(sum), "minus", 5) + label(chart, sum, f(sum), "f(a + b)", { dx: 9, dy: 14 }),
        dot(chart, sum, f(s.a) + f(s.b), "plus", 5) + label(chart, sum, f(s.a) + f(s.b), "f(a) + f(b)", sum < Math.max(s.a, s.b) ? { anchor: "end", dx: -9, dy: -2 } : { dx: 9, dy: -8 }),
      );
      for (const name of ["a", "b"]) setHandle(chart, name, { x: s[name], y: clamp(f(s[name]), ...chart.y), label: name, step: [0.05, 0], move: (x) => app.set({ [name]: rounded(clamp(x, -4, 4), 2) }) });
      const rows = [
        ["additivity", `f(${show(s.a)} + ${enclosed(s.b)})`, f(sum), `f(${show(s.a)}) + f(${show(s.b)})`, f(s.a) + f(s.b)],
        ["homogeneity", `f(${show(s.c)} · ${enclosed(s.a)})`, f(s.c * s.a), `${show(s.c)} · f(${show(s.a)})`, s.c * f(s.a)],
      ];
      table.replaceChildren(make("table", { class: "equation laws" }, make("tbody", {}, ...rows.map((row) => lawRow(t, row)))));
    };

    const drawStack = (s, f) => {
      const through = (g) => (x) => s.w.reduce((h, w, i) => (i ? g(h) : h) * w + s.s[i], x);
      const linear = through((h) => h);
      const bent = through(f);
      const [slope, shift] = [s.w.reduce((p, w) => p * w, 1), linear(0)];
      const curves = [[[-5, linear(-5)], [5, linear(5)]], ...(s.between ? [curve(bent, -5, 5)] : [])];
      setWindow(stack, [-5, 5], windowOf(curves, []));
      setMarks(stack, path(stack, curves[0], s.between ? "dash" : "line"), s.between ? path(stack, curves[1], "line") : "");
      const shown = (v) => (v < 0 ? `− ${show(-v)}` : `+ ${show(v)}`);
      const nested = s.w.reduce((inner, w, i) => `${show(w)}·${i ? (s.between ? `f(${inner})` : `(${inner})`) : inner} ${shown(s.s[i])}`, "x");
      equation.textContent = s.between ? `y = ${nested}` : `y = ${nested} = ${show(slope, 6)}·x ${shown(shift)}`;
      collapsed.set(s.between ? [[t("linear.at1"), bent(1), "bent", 6]] : [["w′ = w₃w₂w₁", slope, "slope", 6], ["b′", shift, "shift", 6]]);
    };

    return { draw };
  },
};

const lawRow = (t, [law, left, x, right, y]) => {
  const same = Math.abs(x - y) <= SAME * Math.max(1, Math.abs(x), Math.abs(y));
  return make(
    "tr", {},
    make("th", { scope: "row" }, t(`linear.${law}`)),
    make("td", {}, `${left} = `, make("b", { "data-fact": `${law}-left`, "data-value": String(x) }, show(x))),
    make("td", {}, `${right} = `, make("b", { "data-fact": `${law}-right`, "data-value": String(y) }, show(y))),
    make("td", { class: same ? "yes" : "no" }, t(same ? "linear.equal" : "linear.different", { d: show(Math.abs(x - y)) })),
  );
};
