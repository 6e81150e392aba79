// Integrals against a normal density, split at kinks and refined until they settle; the rule is Python's.

import { P } from "./javascript_primitives.js";
import { LEGENDRE } from "./generated.js";

const EDGE = 38.5; // beyond it the density is below the smallest float64
const PANELS = [-EDGE, -27, -19, -14, -11, ...Array.from({ length: 25 }, (_, k) => -9 + 0.75 * k), 11, 14, 19, 27, EDGE];
const ROUNDS = 40;
const MOST_PANELS = 2048;
const TOLERANCE = 4e-16;

const addPanel = (functions, low, high, sums, sizes) => {
  const half = (high - low) / 2;
  const middle = (low + high) / 2;
  const [nodes, weights] = LEGENDRE;
  for (let i = 0; i < nodes.length; i++) {
    const z = middle + half * nodes[i];
    const weight = (half * weights[i] * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
    const values = functions(z);
    for (let k = 0; k < values.length; k++) {
      sums[k] += values[k] * weight;
      sizes[k] += Math.abs(values[k]) * weight;
    }
  }
};

// Returns E[functions(z)] for z ~ N(0, 1); functions(z) returns an array of `size` numbers.
export const expectation = (functions, size, splits) => {
  const zeros = () => new Array(size).fill(0);
  const inner = splits.filter((z) => z > -EDGE && z < EDGE);
  const ends = [...new Set([...PANELS, ...inner])].sort((a, b) => a - b);
  let open = ends.slice(1).map((high, i) => [ends[i], high]);
  const scale = zeros();
  for (const [low, high] of open) addPanel(functions, low, high, zeros(), scale);
  const total = zeros();
  for (let round = 0; open.length; round++) {
    const last = round === ROUNDS - 1 || open.length > MOST_PANELS;
    const next = [];
    for (const [low, high] of open) {
      const middle = (low + high) / 2;
      const [whole, halves] = [zeros(), zeros()];
      addPanel(functions, low, high, whole, zeros());
      addPanel(functions, low, middle, halves, zeros());
      addPanel(functions, middle, high, halves, zeros());
      const rough = whole.some((v, k) => Number.isFinite(scale[k]) && Math.abs(v - halves[k]) > TOLERANCE * scale[k]);
      if (rough && !last && high - low > 1e-12) next.push([low, middle], [middle, high]);
      else halves.forEach((v, k) => (total[k] += v));
    }
    open = next;
  }
  return total;
};

// Moments of f(u), u ~ N(mean, deviation²): E f, E f², E f'², and the gain 1/√E f².
export const moments = (f, parameters, mean, deviation) => {
  const at = (z) => {
    const u = mean + deviation * z;
    const value = f.value(u, parameters);
    return [value, value * value, f.slope(u, parameters) ** 2];
  };
  const splits = [0, ...f.breakpoints(parameters).map((x) => (x - mean) / deviation)];
  const [first, second, slopeSecond] = expectation(at, 3, splits);
  const jumps = f.breakpoints(parameters).some((x) => {
    const step = 1e-9 * Math.max(1, Math.abs(x));
    return Math.abs(f.value(x + step, parameters) - f.value(x - step, parameters)) > 1e-6;
  });
  // an odd function's mean is 0, of which the rule leaves the rounding of its sum
  const average = Math.abs(first) <= TOLERANCE * Math.sqrt(second) ? 0 : first;
  return { mean: average, second, slopeSecond: jumps ? Infinity : slopeSecond, gain: 1 / Math.sqrt(second) };
};

// The share of N(mean, deviation²) where abs(f') is below a share of its largest value.
export const shareOff = (f, parameters, mean, deviation, threshold) => {
  const off = (z) => Math.abs(f.slope(mean + deviation * z, parameters)) < threshold;
  const cuts = f.breakpoints(parameters).map((x) => (x - mean) / deviation);
  const grid = [...new Set([...Array.from({ length: 1601 }, (_, i) => -8 + i / 100), ...cuts])].sort((a, b) => a - b);
  let share = 0;
  let from = -Infinity;
  const edges = [];
  for (let i = 1; i < grid.length; i++) {
    const [left, right] = [grid[i - 1], grid[i]];
    const step = (right - left) * 1e-7;
    if (off(left + step) !== off(right - step)) edges.push(bisected(off, left + step, right - step));
    if (cuts.includes(right) && i + 1 < grid.length && off(right - step) !== off(right + step)) edges.push(right);
  }
  let state = off(grid[0]);
  for (const edge of [...edges, Infinity]) {
    if (state) share += probability(from, edge);
    state = !state;
    from = edge;
  }
  return { share, edges: edges.map((z) => mean + deviation * z) };
};

const bisected = (off, low, high) => {
  const start = off(low);
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (off(middle) === start) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};

// on the side where no digit cancels
const probability = (a, b) => (a > 0 ? P.normal_cdf(-a) - P.normal_cdf(-b) : P.normal_cdf(b) - P.normal_cdf(a));

// The largest abs(f') on a wide grid, refined; Infinity where it grows without end.
export const largestSlope = (f, parameters) => {
  const size = (x) => Math.abs(f.slope(x, parameters));
  if (size(1e6) > 1e3 || size(-1e6) > 1e3) return Infinity;
  const grid = [...Array.from({ length: 3201 }, (_, i) => -40 + i / 40), -1e6, 1e6];
  for (const x of f.breakpoints(parameters)) grid.push(x - 1e-9 * Math.max(1, Math.abs(x)), x + 1e-9 * Math.max(1, Math.abs(x)));
  grid.sort((a, b) => a - b);
  const values = grid.map(size);
  const k = values.indexOf(Math.max(...values.filter((v) => !Number.isNaN(v))));
  let [best, place] = [values[k], grid[k]];
  let reach = Math.max(grid[Math.min(k + 1, grid.length - 1)] - place, place - grid[Math.max(k - 1, 0)]);
  for (let round = 0; round < 20 && Math.abs(place) < 1e5; round++, reach /= 4) {
    const middle = place;
    for (let i = -8; i <= 8; i++) {
      const value = size(middle + (i * reach) / 8);
      if (value > best) [best, place] = [value, middle + (i * reach) / 8];
    }
  }
  return Number(best.toPrecision(15));
};
