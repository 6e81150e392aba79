// One function: its curve, slope and curvature, and what it makes of normal pre-activations.

import { dot, dropHandles, label, makeChart, path, setHandle, setKey, setMarks, setWindow } from "../chart.js";
import { choice, facts, make, slider, toggle } from "../controls.js";
import { CATALOGUE } from "../generated.js";
import { clamp, rounded, show } from "../numbers.js";
import { largestSlope, moments, shareOff } from "../quadrature.js";

const FLAT = 1e-2; // below this relative slope a value counts as lying on a flat part

const parametersOf = (f, given) =>
  Object.fromEntries(f.parameters.map((p, i) => [p.name, given[i] ?? p.usual]));

const boundsOf = (p) => {
  const low = typeof p.low === "number" ? Math.max(p.low, Math.min(-4, p.usual - 4)) : Math.min(-4, p.usual - 4);
  const high = typeof p.high === "number" ? Math.min(p.high, Math.max(4, p.usual * 2)) : Math.max(4, p.usual * 2);
  return [p.low > 0 ? Math.max(p.low, 0.05) : low, high];
};

const curveOf = (g, f, parameters, [low, high]) => {
  const breaks = f.breakpoints(parameters).filter((x) => x > low && x < high).sort((a, b) => a - b);
  const ends = [low, ...breaks, high];
  const points = [];
  for (let i = 1; i < ends.length; i++) {
    const [a, b] = [ends[i - 1], ends[i]];
    const inside = 1e-9 * (b - a);
    const count = Math.max(2, Math.ceil((400 * (b - a)) / (high - low)));
    const piece = Array.from({ length: count + 1 }, (_, k) => clamp(a + ((b - a) * k) / count, a + inside, b - inside));
    const from = points.length;
    for (const x of piece) points.push([x, g(x, parameters)]);
    if (from && Math.abs(points[from][1] - points[from - 1][1]) > 1e-6 * (1 + Math.abs(points[from][1]))) points.splice(from, 0, [a, NaN]);
  }
  return points;
};

const rangeOf = (...curves) => {
  const values = curves.flat().map(([, y]) => y).filter(Number.isFinite);
  const low = Math.max(Math.min(...values, 0), -12);
  const high = Math.min(Math.max(...values, 1), 12);
  return [low - 0.06 * (high - low), high + 0.08 * (high - low)];
};

const interval = (low, high, closed, number) =>
  `${closed[0] && low !== "-inf" ? "[" : "("}${number(low)}, ${number(high)}${closed[1] && high !== "inf" ? "]" : ")"}`;

const shownProperty = (name, properties, t) => {
  const { value } = properties[name];
  if (value === null || value === undefined) return "–";
  const number = (v) => (typeof v === "number" ? show(v) : { inf: "∞", "-inf": "−∞", nan: t("function.none") }[v] ?? v);
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (name === "fixed_points") return value.length ? value.map(([a, b]) => (a === b ? number(a) : interval(a, b, [true, true], number))).join(", ") : t("function.none");
  if (name === "kinks") return value.length ? value.map(number).join(", ") : t("function.none");
  if (name === "range") return interval(...value, properties.attained?.value ?? [false, false], number);
  if (name === "limits") return value.map(number).join(", ");
  if (name === "smoothness") return value === -1 ? t("function.jumps") : make("span", {}, "C", make("sup", {}, number(value)));
  return typeof value === "string" && WORDED.includes(name) ? t(`word.${value}`) : number(value);
};

// drawn one over the other in this order, each with dashes of its own: they are told apart in grey too
const KINDS = { value: "line", slope: "dash", curvature: "fine" };
const COLOURS = { value: "var(--c0)", slope: "var(--c1)", curvature: "var(--c2)" };

const WORDED = ["monotone", "convex", "linearity"];
const SHOWN = ["range", "limits", "monotone", "convex", "odd", "even", "smoothness", "kinks", "lipschitz", "fixed_points", "linearity"];

export const functionPanel = {
  id: "function",
  defaults: { f: "relu", p: [], at: 1, mean: 0, sd: 1, slope: true, curvature: false },
  mount(host, app) {
    const { t } = app;
    const main = make("div", { class: "figures" });
    const side = make("div", { class: "controls" });
    host.append(make("div", { class: "columns" }, main, side));
    const chart = makeChart(main, { label: t("function.chart"), ratio: 0.5, xLabel: "x", stays: true });
    const numbers = facts();
    main.append(numbers.list, make("h2", {}, t("function.input")));
    const bell = makeChart(main, { label: t("function.input"), ratio: 0.2, bare: true, xLabel: "x" });
    main.append(make("p", { class: "small" }, t("function.inputText")));
    const average = facts();
    main.append(average.list);
    const proven = make("div", { class: "scroll" });
    host.append(make("h2", {}, t("function.properties")), proven);

    const names = Object.keys(CATALOGUE);
    const picker = choice({ label: t("function.choose"), key: "f", value: app.state.f, choices: names.map((n) => [n, n]), change: (f) => (app.set({ f, p: [] }), rebuild()) });
    const sliders = make("div", { class: "controls" });
    const about = make("div");
    const withSlope = toggle({ label: t("function.slope"), key: "slope", value: app.state.slope, change: (slope) => app.set({ slope }) });
    const withCurvature = toggle({ label: t("function.curvature"), key: "curvature", value: app.state.curvature, change: (curvature) => app.set({ curvature }) });
    const where = slider({ label: t("function.at"), key: "at", low: -8, high: 8, step: 0.01, value: app.state.at, change: (at) => app.set({ at }) });
    const mean = slider({ label: t("function.mean"), key: "mean", low: -4, high: 4, step: 0.01, value: app.state.mean, change: (m) => app.set({ mean: m }) });
    const spread = slider({ label: t("function.sd"), key: "sd", low: 0.05, high: 4, step: 0.01, value: app.state.sd, change: (sd) => app.set({ sd }) });
    side.append(picker.row, about, sliders, withSlope.row, withCurvature.row, where.row, mean.row, spread.row);

    let knobs = [];
    const rebuild = () => {
      const f = CATALOGUE[app.state.f] ?? CATALOGUE.relu;
      knobs = f.parameters.map((p, i) => {
        const [low, high] = boundsOf(p);
        const change = (value) => {
          const all = f.parameters.map((q, k) => app.state.p[k] ?? q.usual);
          all[i] = value;
          app.set({ p: all });
        };
        return slider({ label: p.name, key: `p-${p.name}`, low, high, step: 0.01, value: app.state.p[i] ?? p.usual, change });
      });
      sliders.replaceChildren(...knobs.map((k) => k.row));
      about.replaceChildren(make("p", { class: "formula" }, `f(x) = ${f.formula}`), make("p", { class: "small", lang: "en" }, `${f.paper} (${f.year}). ${f.note}`));
    };
    rebuild();

    const draw = () => {
      if (!CATALOGUE[app.state.f]) {
        app.say(t("page.badAddress", { parts: "f" }));
        app.state.f = "relu";
        rebuild();
      }
      const state = app.state;
      state.sd = clamp(state.sd, 0.05, 4);
      const f = CATALOGUE[state.f];
      const parameters = parametersOf(f, state.p);
      picker.set(state.f);
      knobs.forEach((k, i) => k.set(state.p[i] ?? f.parameters[i].usual));
      for (const [control, value] of [[withSlope, state.slope], [withCurvature, state.curvature], [where, state.at], [mean, state.mean], [spread, state.sd]]) control.set(value);
      const reach = clamp(Math.max(5, Math.abs(state.at) * 1.15, ...f.breakpoints(parameters).map((x) => Math.abs(x) * 1.4)), 5, 40);
      const window = [-reach, reach];
      const curves = { value: curveOf(f.value, f, parameters, window) };
      if (state.slope) curves.slope = curveOf(f.slope, f, parameters, window);
      if (state.curvature) curves.curvature = curveOf(f.curvature, f, parameters, window);
      setKey(chart, Object.keys(curves).map((name) => [t(`function.${name}Name`), COLOURS[name], KINDS[name]]));
      setWindow(chart, window, rangeOf(...Object.values(curves)));
      const at = { value: f.value(state.at, parameters), slope: f.slope(state.at, parameters), curvature: f.curvature(state.at, parameters) };
      const tangent = [[-reach, at.value - at.slope * (reach + state.at)], [reach, at.value + at.slope * (reach - state.at)]];
      setMarks(
        chart,
        state.slope ? path(chart, tangent, "thin", "stroke: var(--muted)") : "",
        Object.entries(curves).map(([name, points]) => path(chart, points, KINDS[name], `stroke: ${COLOURS[name]}`)),
        f.breakpoints(parameters).filter((x) => x > -reach && x < reach).map((x) => dot(chart, x, f.value(x, parameters), "kink", 3.5)),
      );
      setHandle(chart, "at", { x: state.at, y: clamp(at.value, ...chart.y), label: t("function.at"), text: `x = ${show(state.at)}, f = ${show(at.value)}`, move: (x) => app.set({ at: rounded(x) }), step: [reach / 100, 0] });
      numbers.set([[t("function.atShort"), state.at, "x"], [`f(${show(state.at)})`, at.value, "value", 6], [`f′(${show(state.at)})`, at.slope, "slope", 6], [`f″(${show(state.at)})`, at.curvature, "curvature", 6]]);
      drawInput(f, parameters, window);
      drawProperties(f, parameters);
    };

    const drawInput = (f, parameters, window) => {
      const state = app.state;
      const m = moments(f, parameters, state.mean, state.sd);
      const off = shareOff(f, parameters, state.mean, state.sd, FLAT * offScale(f, parameters, state));
      const density = (x) => Math.exp(-(((x - state.mean) / state.sd) ** 2) / 2) / (state.sd * Math.sqrt(2 * Math.PI));
      const peak = density(state.mean);
      setWindow(bell, window, [0, peak * 1.35]);
      const area = (low, high, name) => {
        const points = Array.from({ length: 161 }, (_, i) => low + ((high - low) * i) / 160).map((x) => [x, density(x)]);
        return high > low ? path(bell, [[low, 0], ...points, [high, 0]], name) : "";
      };
      const cuts = [window[0], ...off.edges.filter((x) => x > window[0] && x < window[1]), window[1]];
      const threshold = FLAT * offScale(f, parameters, state);
      const parts = cuts.slice(1).map((high, i) => area(cuts[i], high, Math.abs(f.slope((cuts[i] + high) / 2, parameters)) < threshold ? "off" : "area"));
      setMarks(bell, parts, path(bell, Array.from({ length: 241 }, (_, i) => window[0] + ((window[1] - window[0]) * i) / 240).map((x) => [x, density(x)]), "thin", "stroke: var(--muted)"), label(bell, state.mean, peak, "x ~ N(m, s²)", { anchor: "middle", dx: 0, dy: -13 }));
      setHandle(bell, "mean", { x: state.mean, y: peak, label: t("function.mean"), move: (x) => app.set({ mean: rounded(clamp(x, -4, 4), 2) }), step: [0.05, 0] });
      setHandle(bell, "sd", { x: state.mean + state.sd, y: density(state.mean + state.sd), class: "turn", label: t("function.sd"), move: (x) => app.set({ sd: rounded(clamp(x - app.state.mean, 0.05, 4), 2) }), step: [0.05, 0] });
      average.set([[t("function.meanOut"), m.mean, "mean", 6], [t("function.second"), m.second, "second", 6], [t("function.slopeSecond"), m.slopeSecond, "slope_second", 6], [t("function.gain"), m.gain, "gain", 6], [t("function.off"), off.share, "off", 6]]);
    };

    const drawProperties = (f, parameters) => {
      const usual = f.parameters.every((p) => parameters[p.name] === p.usual);
      const rows = SHOWN.filter((name) => f.properties[name]).map((name) =>
        make("tr", {}, make("th", { scope: "row" }, t(`property.${name}`)), make("td", { "data-property": name }, shownProperty(name, f.properties, t)), make("td", { class: "status" }, t(`status.${f.properties[name].status}`))),
      );
      proven.replaceChildren(usual ? "" : make("p", { class: "small" }, t("function.usualOnly")), make("table", {}, make("tbody", {}, ...rows)));
    };

    return { draw, leave: () => dropHandles(chart, new Set()) };
  },
};

// What a slope is small beside: the largest there is, and for a slope without bound the largest within the input.
const offScale = (f, parameters, state) => {
  const largest = largestSlope(f, parameters);
  if (Number.isFinite(largest)) return largest;
  const sizes = Array.from({ length: 161 }, (_, i) => Math.abs(f.slope(state.mean + (state.sd * (i - 80)) / 10, parameters)));
  return Math.max(...sizes);
};
