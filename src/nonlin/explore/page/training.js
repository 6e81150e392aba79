// Small networks that learn in the page: points, weights, and gradient descent by Adam on the logistic loss.

import { RELU } from "./geometry.js";
import { randomNumbers, rounded } from "./numbers.js";

// Layers of the shape [2, …, 1] from a flat list of weights, row by row with each layer's biases behind its rows.
export const unflatten = (sizes, flat) => {
  let place = 0;
  return sizes.slice(1).map((units, k) => {
    const inputs = sizes[k];
    const weight = Array.from({ length: units }, (_, i) => flat.slice(place + i * inputs, place + (i + 1) * inputs));
    place += units * inputs;
    const bias = flat.slice(place, place + units);
    place += units;
    return { weight, bias, pieces: k < sizes.length - 2 ? RELU : null };
  });
};

export const flatten = (network) => network.flatMap((layer) => [...layer.weight.flat(), ...layer.bias]);

export const parameterCount = (sizes) => sizes.slice(1).reduce((sum, units, k) => sum + units * (sizes[k] + 1), 0);

export const initialised = (sizes, seed) => {
  const { normal, uniform } = randomNumbers(seed);
  return sizes.slice(1).flatMap((units, k) => {
    const rows = Array.from({ length: units }, () => Array.from({ length: sizes[k] }, () => rounded(normal() * Math.sqrt(2 / sizes[k]), 4)));
    const bias = rows.map((row) => rounded((uniform() * 2 - 1) * (k === 0 ? 1.6 : 0.4) * Math.hypot(...row), 4));
    return [...rows.flat(), ...bias];
  });
};

const SHAPES = {
  moons: (i, { uniform, normal }) => {
    const angle = Math.PI * uniform();
    const y = i % 2 ? 1 : -1;
    const sign = y > 0 ? 1 : -1;
    return [1.5 * (Math.cos(angle) * sign) - 0.75 * sign + 0.15 * normal(), 1.7 * Math.sin(angle) * sign - 0.45 * sign + 0.15 * normal(), y];
  },
  circles: (i, { uniform, normal }) => {
    const angle = 2 * Math.PI * uniform();
    const radius = (i % 2 ? 0.8 : 2.1) + 0.15 * normal();
    return [radius * Math.cos(angle), radius * Math.sin(angle), i % 2 ? 1 : -1];
  },
  squares: (i, { uniform }) => {
    const [x, y] = [uniform() * 5 - 2.5, uniform() * 5 - 2.5];
    return [x, y, x * y > 0 ? 1 : -1];
  },
  spirals: (i, { normal }) => {
    const share = Math.floor(i / 2) / 60;
    const angle = 2.3 * Math.PI * share + (i % 2) * Math.PI;
    const radius = 0.3 + 2.3 * share;
    return [radius * Math.cos(angle) + 0.05 * normal(), radius * Math.sin(angle) + 0.05 * normal(), i % 2 ? 1 : -1];
  },
};

export const SETS = ["moons", "circles", "squares", "spirals"];

// 120 points [x, y, ±1]; `own` is a flat list of such triples.
export const pointsOf = (name, own) => {
  if (name === "own") return Array.from({ length: Math.floor(own.length / 3) }, (_, i) => own.slice(3 * i, 3 * i + 3));
  if (!SHAPES[name]) return [];
  const random = randomNumbers(7);
  return Array.from({ length: 120 }, (_, i) => SHAPES[name](i, random).map((v) => rounded(v, 3)));
};

const passed = (network, x) => {
  const kept = [];
  let h = x;
  for (const layer of network) {
    const u = layer.weight.map((row, i) => row.reduce((sum, w, j) => sum + w * h[j], layer.bias[i]));
    kept.push({ h, u });
    h = layer.pieces ? u.map((v) => (v > 0 ? v : 0)) : u;
  }
  return { kept, output: h[0] };
};

const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));

export const lossOf = (network, points) => {
  let [loss, right] = [0, 0];
  for (const [x, y, target] of points) {
    const { output } = passed(network, [x, y]);
    loss += softplus(-target * output) / points.length;
    right += (output * target > 0 ? 1 : 0) / points.length;
  }
  return { loss, accuracy: right };
};

const gradient = (network, points) => {
  const sums = network.map((layer) => ({ weight: layer.weight.map((row) => row.map(() => 0)), bias: layer.bias.map(() => 0) }));
  for (const [x, y, target] of points) {
    const { kept, output } = passed(network, [x, y]);
    let back = [-target / (1 + Math.exp(target * output)) / points.length];
    for (let k = network.length - 1; k >= 0; k--) {
      const layer = network[k];
      const { h, u } = kept[k];
      const here = layer.pieces ? back.map((g, i) => (u[i] > 0 ? g : 0)) : back;
      back = h.map(() => 0);
      here.forEach((g, i) => {
        if (g === 0) return;
        sums[k].bias[i] += g;
        for (let j = 0; j < h.length; j++) {
          sums[k].weight[i][j] += g * h[j];
          back[j] += g * layer.weight[i][j];
        }
      });
    }
  }
  return flatten(sums);
};

// Returns a function that makes one step and returns the new flat weights.
export const trainer = (sizes, start, points, rate = 0.03) => {
  let flat = [...start];
  const first = flat.map(() => 0);
  const second = flat.map(() => 0);
  let steps = 0;
  return () => {
    const slope = gradient(unflatten(sizes, flat), points);
    steps += 1;
    flat = flat.map((w, i) => {
      first[i] = 0.9 * first[i] + 0.1 * slope[i];
      second[i] = 0.999 * second[i] + 0.001 * slope[i] ** 2;
      return w - (rate * first[i]) / (1 - 0.9 ** steps) / (Math.sqrt(second[i] / (1 - 0.999 ** steps)) + 1e-8);
    });
    return flat;
  };
};
