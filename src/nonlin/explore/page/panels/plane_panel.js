// Folding a plane: the linear regions of a small network of two inputs, exact, with a handle on every first fold.

import { boundary, byMap, byOutput, largestOutput, outlines } from "../cells.js";
import { dot, dropHandles, makeChart, path, setHandle, setKey, setMarks, setWindow } from "../chart.js";
import { button, choice, facts, make, toggle } from "../controls.js";
import { foldPlane, levelLines, mostRegions, RELU } from "../geometry.js";
import { rounded } from "../numbers.js";
import { flatten, initialised, lossOf, parameterCount, pointsOf, SETS, trainer, unflatten } from "../training.js";

const WINDOW = [[-3, 3], [-3, 3]];
const SHAPES = ["3", "6", "8,8", "16,16", "12,12,12"];
const LONGEST = 64;

export const sizesOf = (hidden) => [2, ...hidden, 1];

const wanted = (hidden) => hidden.length >= 1 && hidden.length <= 4 && hidden.every((n) => Number.isInteger(n) && n >= 1 && n <= LONGEST);

export const planeNetwork = (state) => {
  const sizes = sizesOf(wanted(state.hidden) ? state.hidden : [8, 8]);
  const flat = state.w.length === parameterCount(sizes) ? state.w : initialised(sizes, state.seed);
  return unflatten(sizes, flat);
};

const stateOf = (layers) => {
  const right = layers.every((l, k) => (k < layers.length - 1 ? l.activation === "relu" : l.activation === null));
  if (!right || layers[0].weight[0].length !== 2 || layers.at(-1).weight.length !== 1) throw new Error("network: 2 → ReLU → … → 1");
  const network = layers.map((l) => ({ weight: l.weight, bias: l.bias, pieces: l.activation ? RELU : null }));
  return { hidden: network.slice(0, -1).map((l) => l.bias.length), w: flatten(network) };
};

const pointsFrom = (found) => found.points.flatMap((p, i) => [p[0], p[1], (found.labels?.[i] ?? 0) > 0 ? 1 : -1]);

export const planePanel = {
  id: "plane",
  defaults: { hidden: [8, 8], seed: 3, w: [], set: "moons", points: [], colour: "map", folds: true, steps: 0 },
  exported: (state) => {
    const points = pointsOf(state.set, state.points);
    const network = planeNetwork(state).map(({ weight, bias, pieces }) => ({ weight, bias, activation: pieces ? "relu" : null }));
    return { network, points: points.map((p) => p.slice(0, 2)), labels: points.map((p) => p[2]) };
  },
  imported: (found, state, given) => ({
    ...(found.network && !given("w") ? stateOf(found.network) : {}),
    ...(found.points && !given("points") ? { set: "own", points: pointsFrom(found) } : {}),
  }),
  mount(host, app) {
    const { t } = app;
    const main = make("div", { class: "figures" });
    const side = make("div", { class: "controls" });
    host.append(make("div", { class: "columns" }, main, side));
    const chart = makeChart(main, { label: t("plane.chart"), ratio: 1, square: true, plain: true, xLabel: "x₁", yLabel: "x₂", tallest: 620, stays: true });
    const numbers = facts();
    main.append(numbers.list, make("p", { class: "small" }, t("plane.caption")));

    let step;
    let playing = 0;
    let live; // the weights while it learns; the address gets them when it pauses
    const stop = () => {
      cancelAnimationFrame(playing);
      playing = 0;
      play.textContent = t("plane.play");
      if (live) app.set({ w: live.map((v) => rounded(v, 5)) });
      live = step = undefined;
    };
    const advance = (count) => {
      const network = planeNetwork(app.state);
      const points = pointsOf(app.state.set, app.state.points);
      if (!points.length) return stop();
      step ??= trainer(sizesOf(network.slice(0, -1).map((l) => l.bias.length)), flatten(network), points);
      for (let i = 0; i < count; i++) live = step();
      app.state.steps += count;
      return draw();
    };
    const animate = () => {
      advance(2);
      if (live) playing = requestAnimationFrame(animate);
    };
    const play = button(t("plane.play"), () => {
      if (playing) return stop();
      play.textContent = t("plane.pause");
      playing = requestAnimationFrame(animate);
      return undefined;
    }, "play");
    const change = (changes) => {
      if (playing || live) stop();
      app.set(changes);
    };
    const shape = choice({ label: t("plane.hidden"), key: "hidden", value: app.state.hidden.join(","), choices: [...new Set([...SHAPES, app.state.hidden.join(",")])].map((s) => [s, `2 – ${s.replaceAll(",", " – ")} – 1`]), change: (s) => change({ hidden: s.split(",").map(Number), w: [], steps: 0 }) });
    const sets = choice({ label: t("plane.set"), key: "set", value: app.state.set, choices: [...SETS, "none", ...(app.state.points.length ? ["own"] : [])].map((s) => [s, t(`plane.set.${s}`)]), change: (set) => change({ set, steps: 0 }) });
    const colours = choice({ label: t("plane.colour"), key: "colour", value: app.state.colour, choices: ["map", "output"].map((s) => [s, t(`plane.colour.${s}`)]), change: (colour) => app.set({ colour }) });
    const lines = toggle({ label: t("plane.folds"), key: "folds", value: app.state.folds, change: (folds) => app.set({ folds }) });
    side.append(shape.row, sets.row, colours.row, lines.row, make("div", { class: "buttons" }, play, button(t("plane.step"), () => (advance(1), stop()), "step"), button(t("plane.random"), () => change({ seed: (app.state.seed + 1) % 1000, w: [], steps: 0 }), "random"), button(t("reset"), () => change({ ...planePanel.defaults }), "reset")), make("p", { class: "small" }, t("plane.help")));

    const move = (i, x, y) => {
      const network = planeNetwork(app.state);
      const layer = network[0];
      const size = Math.hypot(...layer.weight[i]);
      const distance = Math.hypot(x, y);
      if (distance < 0.02 || size === 0) return;
      const sign = -Math.sign(layer.bias[i]) || 1;
      layer.weight[i] = [rounded((sign * size * x) / distance, 5), rounded((sign * size * y) / distance, 5)];
      layer.bias[i] = rounded(-sign * size * distance, 5);
      change({ w: flatten(network) });
    };

    const draw = () => {
      const state = app.state;
      if (!wanted(state.hidden)) Object.assign(state, { hidden: [8, 8], w: [] }), app.say(t("page.badAddress", { parts: "hidden" }));
      const network = live ? unflatten(sizesOf(state.hidden), live) : planeNetwork(state);
      shape.set(state.hidden.join(","));
      sets.set(state.set);
      colours.set(state.colour);
      lines.set(state.folds);
      const { cells } = foldPlane(network, WINDOW);
      setWindow(chart, ...WINDOW);
      const points = pointsOf(state.set, state.points);
      const signs = [["y > 0", "high", "c1"], ["y < 0", "low", "c0"]];
      setKey(chart, [[t("plane.boundary"), "var(--ink)", "line"], ...(state.colour === "output" ? signs.map(([text, name]) => [text, `var(--${name})`, "area"]) : []), ...(points.length ? [["+1", "var(--c1)", "dots"], ["−1", "var(--c0)", "dots"]] : [])]);
      setMarks(
        chart,
        state.colour === "output" ? byOutput(chart, cells, 0, Math.min(largestOutput(cells, 0), 8)) : byMap(chart, cells, 0),
        state.folds ? outlines(chart, cells) : "",
        state.folds ? network[0].weight.map((w, i) => path(chart, across(w, network[0].bias[i]), "first")) : "",
        boundary(chart, levelLines(cells, 0)),
        points.map(([x, y, label]) => dot(chart, x, y, label > 0 ? "plus" : "minus", 3.6)),
      );
      drawHandles(network[0]);
      const learnt = points.length ? lossOf(network, points) : undefined;
      numbers.set([[t("plane.regions"), cells.length, "regions"], [t("plane.most"), mostRegions(network), "most"], [t("plane.parameters"), flatten(network).length, "parameters"], ...(learnt ? [[t("plane.loss"), learnt.loss, "loss", 4], [t("plane.accuracy"), `${(100 * learnt.accuracy).toFixed(0)} %`, "accuracy"], [t("plane.steps"), state.steps, "steps"]] : [])]);
    };

    const drawHandles = (layer) => {
      const keep = new Set();
      layer.weight.forEach((w, i) => {
        const size = w[0] ** 2 + w[1] ** 2;
        if (size < 1e-12) return;
        const foot = w.map((v) => (-layer.bias[i] * v) / size);
        keep.add(`fold${i}`);
        setHandle(chart, `fold${i}`, { x: foot[0], y: foot[1], color: "var(--ink)", label: t("plane.handle", { i: i + 1 }), move: (x, y) => move(i, x, y), step: [0.04, 0.04] });
      });
      dropHandles(chart, keep);
    };

    return { draw, leave: () => cancelAnimationFrame(playing) };
  },
};

// Two points far out on the line w·x + b = 0.
const across = ([a, b], c) => {
  const size = a * a + b * b;
  if (size === 0) return [];
  const [x, y] = [(-c * a) / size, (-c * b) / size];
  const length = 20 / Math.sqrt(size);
  return [[x - b * length, y + a * length], [x + b * length, y - a * length]];
};
