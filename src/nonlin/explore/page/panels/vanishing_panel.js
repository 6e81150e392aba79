// Vanishing: what depth, width, function and initialisation make of signals and gradients, predicted and tried.

import { dot, makeChart, path, setKey, setMarks, setWindow } from "../chart.js";
import { button, choice, facts, make, slider } from "../controls.js";
import { CATALOGUE } from "../generated.js";
import { clamp, randomNumbers } from "../numbers.js";
import { moments } from "../quadrature.js";

const VARIANCES = { he: 2, xavier: 1 };

const cached = new Map();
const momentsOf = (name, q) => {
  const key = `${name} ${q}`;
  if (!cached.has(key)) {
    const f = CATALOGUE[name];
    if (cached.size > 3000) cached.clear();
    cached.set(key, moments(f, Object.fromEntries(f.parameters.map((p) => [p.name, p.usual])), 0, Math.sqrt(q)));
  }
  return cached.get(key);
};

export const weightVariance = (state) => (state.init === "own" ? state.sw : state.init === "gain" ? 1 / momentsOf(state.f, 1).second : VARIANCES[state.init]);

// The variance q of the pre-activations of every layer and the squared gradient there, relative to the last layer's.
export const predicted = (state) => {
  const sigma = weightVariance(state);
  const q = [sigma + state.sb];
  const chi = [];
  for (let k = 0; k < state.depth; k++) {
    const here = q[k] > 1e-280 && q[k] < 1e280 ? momentsOf(state.f, q[k]) : { second: 0, slopeSecond: NaN };
    chi.push(sigma * here.slopeSecond);
    if (k + 1 < state.depth) q.push(sigma * here.second + state.sb);
  }
  const gradient = new Array(state.depth).fill(1);
  for (let k = state.depth - 2; k >= 0; k--) gradient[k] = chi[k] * gradient[k + 1];
  return { q, chi, gradient, sigma };
};

// One network with random weights: the mean square of its gradient by layer, relative to the last.
const randomNetwork = (state, sigma) => {
  const f = CATALOGUE[state.f];
  const parameters = Object.fromEntries(f.parameters.map((p) => [p.name, p.usual]));
  const { normal } = randomNumbers(state.seed);
  const n = state.width;
  const draw = (count, scale) => Float64Array.from({ length: count }, () => scale * normal());
  let h = draw(n, 1);
  const slopes = [];
  const weights = [];
  const q = [];
  for (let k = 0; k < state.depth; k++) {
    const w = draw(n * n, Math.sqrt(sigma / n));
    const u = draw(n, Math.sqrt(state.sb));
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) u[i] += w[i * n + j] * h[j];
    q.push(u.reduce((sum, v) => sum + v * v, 0) / n);
    slopes.push(u.map((v) => f.slope(v, parameters)));
    h = u.map((v) => f.value(v, parameters));
    weights.push(w);
  }
  let g = draw(n, 1);
  const squares = new Array(state.depth);
  for (let k = state.depth - 1; k >= 0; k--) {
    squares[k] = g.reduce((sum, v) => sum + v * v, 0) / n;
    if (k === 0) break;
    const back = new Float64Array(n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) back[j] += weights[k][i * n + j] * g[i];
    g = back.map((v, j) => v * slopes[k - 1][j]);
  }
  return { gradient: squares.map((v) => v / squares[state.depth - 1]), q };
};

const decades = (value) => Math.log10(value) / 2;

export const vanishingPanel = {
  id: "vanishing",
  defaults: { f: "tanh", depth: 20, width: 64, init: "xavier", sw: 1.5, sb: 0, seed: 1 },
  mount(host, app) {
    const { t } = app;
    const main = make("div", { class: "figures" });
    const side = make("div", { class: "controls" });
    host.append(make("div", { class: "columns" }, main, side));
    main.append(make("h2", {}, t("vanishing.gradient")));
    const chart = makeChart(main, { label: t("vanishing.gradient"), ratio: 0.4, xLabel: t("vanishing.layer"), yLabel: t("vanishing.decades"), stays: true });
    setKey(chart, [[t("vanishing.predicted"), "var(--c0)", "line"], [t("vanishing.tried"), "var(--c1)", "dots"]]);
    main.append(make("h2", {}, t("vanishing.signal")));
    const second = makeChart(main, { label: t("vanishing.signal"), ratio: 0.28, xLabel: t("vanishing.layer"), yLabel: "log₁₀ q" });
    const numbers = facts();
    const remark = make("p", { class: "notice", hidden: true });
    main.append(numbers.list, remark, make("p", { class: "small" }, t("vanishing.caption")));
    const picker = choice({ label: t("function.choose"), key: "f", value: app.state.f, choices: Object.keys(CATALOGUE).map((n) => [n, n]), change: (f) => app.set({ f }) });
    const depth = slider({ label: t("vanishing.depth"), key: "depth", low: 2, high: 60, step: 1, value: app.state.depth, change: (v) => app.set({ depth: v }) });
    const width = slider({ label: t("vanishing.width"), key: "width", low: 4, high: 128, step: 1, value: app.state.width, change: (v) => app.set({ width: v }) });
    const init = choice({ label: t("vanishing.init"), key: "init", value: app.state.init, choices: ["he", "xavier", "gain", "own"].map((s) => [s, t(`vanishing.init.${s}`)]), change: (v) => app.set({ init: v }) });
    const sw = slider({ label: t("vanishing.sw"), key: "sw", low: 0.05, high: 6, step: 0.01, value: app.state.sw, change: (v) => app.set({ sw: v, init: "own" }) });
    const sb = slider({ label: t("vanishing.sb"), key: "sb", low: 0, high: 1, step: 0.01, value: app.state.sb, change: (v) => app.set({ sb: v }) });
    side.append(picker.row, depth.row, width.row, init.row, sw.row, sb.row, make("div", { class: "buttons" }, button(t("vanishing.again"), () => app.set({ seed: (app.state.seed + 1) % 1000 }), "again"), button(t("reset"), () => app.set({ ...vanishingPanel.defaults }), "reset")));

    const checked = () => {
      const s = app.state;
      if (!CATALOGUE[s.f] || !["he", "xavier", "gain", "own"].includes(s.init)) {
        app.say(t("page.badAddress", { parts: "f, init" }));
        Object.assign(s, { f: "tanh", init: "xavier" });
      }
      Object.assign(s, { depth: clamp(Math.round(s.depth), 2, 60), width: clamp(Math.round(s.width), 4, 128), sw: clamp(s.sw, 0.05, 6), sb: clamp(s.sb, 0, 1) });
      return s;
    };

    const draw = () => {
      const s = checked();
      const forecast = predicted(s);
      for (const [control, value] of [[picker, s.f], [depth, s.depth], [width, s.width], [init, s.init], [sw, forecast.sigma], [sb, s.sb]]) control.set(value);
      const trial = randomNetwork(s, forecast.sigma);
      plot(chart, forecast.gradient.map(decades), trial.gradient.map(decades), [-1.2, 1.2]);
      plot(second, forecast.q.map(Math.log10), trial.q.map(Math.log10), [-1, 1]);
      const lost = forecast.chi.findIndex(Number.isNaN);
      remark.hidden = forecast.chi.every(Number.isFinite);
      remark.textContent = lost < 0 ? t("vanishing.jumps", { f: s.f }) : t("vanishing.lost", { k: lost + 1 });
      const change = decades(forecast.gradient[0]);
      const tried = decades(trial.gradient[0]);
      const rows = [[t("vanishing.change"), change, "change", 5], [t("vanishing.factor"), Math.sqrt(forecast.gradient[0]), "factor", 4], ["σ_w²", forecast.sigma, "sigma", 6], [t("vanishing.chi"), forecast.chi.at(-1), "chi", 6], [t("vanishing.q"), forecast.q.at(-1), "q", 6], [t("vanishing.triedChange"), tried, "tried", 3]];
      numbers.set(rows.filter(([, value]) => !Number.isNaN(value)));
    };

    const plot = (picture, line, dots, least) => {
      const finite = [...line, ...dots].filter(Number.isFinite);
      const low = clamp(Math.min(least[0], ...finite), -40, 0);
      const high = clamp(Math.max(least[1], ...finite), 0, 40);
      const room = 0.06 * (high - low);
      setWindow(picture, [0.5, line.length + 0.5], [low - room, high + room]);
      setMarks(picture, path(picture, line.map((v, i) => [i + 1, v]), "line"), dots.map((v, i) => (Number.isFinite(v) ? dot(picture, i + 1, clamp(v, low, high), "plus", 3.4) : "")));
    };

    return { draw };
  },
};
