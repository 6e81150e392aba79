// Draws the cells of a plane: coloured by the affine map of each, by the output, or by the class.

import { valueAt } from "./geometry.js";

const outline = (chart, points) => `M${points.map(([x, y]) => `${chart.sx(x).toFixed(2)},${chart.sy(y).toFixed(2)}`).join("L")}Z`;

const mapColour = ([a, b], largest) => {
  const angle = ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;
  const share = largest > 0 ? Math.min(Math.hypot(a, b) / largest, 1) : 0;
  return `hsl(${angle.toFixed(0)} ${(18 + 42 * share).toFixed(0)}% var(--cell${share > 0.66 ? 3 : share > 0.33 ? 2 : 1}))`;
};

export const byMap = (chart, cells, output) => {
  const sizes = cells.map((cell) => Math.hypot(cell.maps[output][0], cell.maps[output][1]));
  const largest = Math.max(...sizes);
  return cells.map((cell) => `<path class="cell" d="${outline(chart, cell.points)}" style="fill: ${mapColour(cell.maps[output], largest)}"/>`).join("");
};

// The output is affine on a cell, and so is its colour: a gradient between the points where it is −limit and limit.
export const byOutput = (chart, cells, output, limit) => {
  const gradients = [];
  const paths = cells.map((cell, i) => {
    const [a, b] = cell.maps[output];
    const size = a * a + b * b;
    const center = middle(cell.points);
    const value = valueAt(cell.maps[output], center);
    const range = cell.points.map((p) => Math.abs(valueAt(cell.maps[output], p) - value));
    if (Math.max(...range) < 0.004 * limit) {
      return `<path class="cell" d="${outline(chart, cell.points)}" style="fill: ${blend(value / limit)}"/>`;
    }
    const ends = [-limit, limit].map((level) => [center[0] + (a * (level - value)) / size, center[1] + (b * (level - value)) / size]);
    const [p, q] = ends.map(([x, y]) => [chart.sx(x).toFixed(1), chart.sy(y).toFixed(1)]);
    const id = `${chart.id}g${i}`;
    gradients.push(`<linearGradient id="${id}" gradientUnits="userSpaceOnUse" x1="${p[0]}" y1="${p[1]}" x2="${q[0]}" y2="${q[1]}"><stop offset="0" class="low"/><stop offset=".5" class="middle"/><stop offset="1" class="high"/></linearGradient>`);
    return `<path class="cell" d="${outline(chart, cell.points)}" fill="url(#${id})"/>`;
  });
  return `<defs>${gradients.join("")}</defs>${paths.join("")}`;
};

const blend = (share) => {
  const part = Math.min(Math.abs(share), 1) * 100;
  return `color-mix(in srgb, ${share < 0 ? "var(--low)" : "var(--high)"} ${part.toFixed(1)}%, var(--middle))`;
};

// Each part of `largestParts` in the colour of its output. One path a class: neighbours meet without a seam.
export const byClass = (chart, parts) =>
  grouped(parts)
    .map(([best, own]) => `<path class="cell" d="${own.map(({ points }) => outline(chart, points)).join("")}" style="fill: color-mix(in srgb, var(--k${best % 10}) 50%, var(--paper))"/>`)
    .join("");

const grouped = (parts) => [...new Set(parts.map(({ best }) => best))].map((best) => [best, parts.filter((part) => part.best === best)]);

// The number of each class that is large enough for it, in that of its parts which lies nearest to their middle.
export const classNames = (chart, parts) =>
  grouped(parts).filter(([, own]) => share(chart, own) > 0.01).map(([best, own]) => {
    const weights = own.map(({ points }) => area(points));
    const total = weights.reduce((sum, w) => sum + w, 0);
    const middles = own.map(({ points }) => middle(points));
    const center = [0, 1].map((k) => middles.reduce((sum, m, i) => sum + (m[k] * weights[i]) / total, 0));
    const away = middles.map((m) => Math.hypot(m[0] - center[0], m[1] - center[1]));
    const [x, y] = middles[away.indexOf(Math.min(...away))];
    return `<text class="mark class" x="${chart.sx(x).toFixed(1)}" y="${(chart.sy(y) + 6).toFixed(1)}" text-anchor="middle">${best}</text>`;
  });

const middle = (points) => [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);

const area = (points) => Math.abs(points.reduce((sum, p, i) => sum + p[0] * points[(i + 1) % points.length][1] - points[(i + 1) % points.length][0] * p[1], 0)) / 2;

const share = (chart, own) => own.reduce((sum, { points }) => sum + area(points), 0) / ((chart.x[1] - chart.x[0]) * (chart.y[1] - chart.y[0]));

// Stretches [[x, y], [x, y]] as one thick line, with a rim that sets it off from folds and colours.
export const boundary = (chart, stretches) => {
  const d = stretches.map(([[a, b], [c, e]]) => `M${chart.sx(a).toFixed(2)},${chart.sy(b).toFixed(2)}L${chart.sx(c).toFixed(2)},${chart.sy(e).toFixed(2)}`).join("");
  return d ? `<path class="rim" d="${d}"/><path class="level" d="${d}"/>` : "";
};

export const outlines = (chart, cells) => `<path class="fold${cells.length > 600 ? " many" : ""}" d="${cells.map((cell) => outline(chart, cell.points)).join("")}"/>`;

export const largestOutput = (cells, output) =>
  cells.reduce((most, cell) => cell.points.reduce((m, p) => Math.max(m, Math.abs(valueAt(cell.maps[output], p))), most), 1e-9);
