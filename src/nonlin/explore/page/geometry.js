// The exact folds of a small network on a line and on a plane, by splitting. A network is a list of layers
// {weight: [[…]], bias: […], pieces: null or {cuts: […], lines: [[slope, intercept], …]}}; null for no activation.

export const RELU = { cuts: [0], lines: [[0, 0], [1, 0]] };

const TOUCH = 1e-12; // a value within this share of the layer's size counts as on the fold

export const affine = (layer, x) =>
  layer.weight.map((row, i) => row.reduce((sum, w, j) => sum + w * x[j], layer.bias[i]));

const pieceOf = (pieces, u) => {
  let k = 0;
  while (k < pieces.cuts.length && u > pieces.cuts[k]) k++;
  return k;
};

export const activate = (layer, u) => {
  if (!layer.pieces) return u;
  return u.map((value) => {
    const [slope, intercept] = layer.pieces.lines[pieceOf(layer.pieces, value)];
    return slope * value + intercept;
  });
};

export const forward = (network, x) => network.reduce((h, layer) => activate(layer, affine(layer, h)), x);

const isFold = (pieces, k) => pieces.lines[k][0] !== pieces.lines[k + 1][0] || pieces.lines[k][1] !== pieces.lines[k + 1][1];

const blank = (dimensions) => Array.from({ length: dimensions }, (_, i) => [...Array.from({ length: dimensions }, (_, j) => (i === j ? 1 : 0)), 0]);

// A unit as an affine function of the slice: the last entry is the constant.
const compose = (layer, maps) =>
  layer.weight.map((row, i) => {
    const made = new Array(maps[0].length).fill(0);
    for (let j = 0; j < row.length; j++) {
      const w = row[j];
      if (w !== 0) for (let k = 0; k < made.length; k++) made[k] += w * maps[j][k];
    }
    made[made.length - 1] += layer.bias[i];
    return made;
  });

const bend = (pieces, map, piece) => {
  const [slope, intercept] = pieces.lines[piece];
  const made = map.map((value) => slope * value);
  made[made.length - 1] += intercept;
  return made;
};

const at = (map, point) => {
  let sum = map[map.length - 1];
  for (let k = 0; k < point.length; k++) sum += map[k] * point[k];
  return sum;
};

// A cell is {points: [[…], …], maps, edges}; in one dimension two points, in two a polygon in order; edges[i] says
// which fold the side from point i to the next lies on, −1 for the border of the window.
const cut = (cell, values, fold) => {
  const size = Math.max(...values.map(Math.abs));
  const sign = values.map((v) => (Math.abs(v) <= TOUCH * Math.max(size, 1e-300) ? 0 : Math.sign(v)));
  if (!sign.includes(1) || !sign.includes(-1)) return null;
  const below = { points: [], edges: [] };
  const above = { points: [], edges: [] };
  const n = cell.points.length;
  for (let i = 0; i < n; i++) {
    const j = (i + 1) % n;
    const [p, q] = [cell.points[i], cell.points[j]];
    const edge = cell.edges[i];
    if (sign[i] <= 0) push(below, p, sign[i] === 0 && sign[j] > 0 ? fold : edge);
    if (sign[i] >= 0) push(above, p, sign[i] === 0 && sign[j] < 0 ? fold : edge);
    if (n === 2 && i === 1) break;
    if (sign[i] * sign[j] < 0) {
      const share = values[i] / (values[i] - values[j]);
      const crossing = p.map((v, k) => v + share * (q[k] - v));
      push(below, crossing, sign[i] < 0 ? fold : edge);
      push(above, crossing, sign[i] > 0 ? fold : edge);
    }
  }
  return [below, above];
};

const push = (half, point, edge) => {
  half.points.push(point);
  half.edges.push(edge);
};

// Splits cells by one layer; every piece gets the maps of what the layer puts out.
const split = (cells, layer, place, folds) => {
  const made = [];
  for (const cell of cells) {
    const maps = compose(layer, cell.maps);
    if (!layer.pieces) {
      made.push({ ...cell, maps });
      continue;
    }
    let parts = [{ points: cell.points, edges: cell.edges }];
    maps.forEach((map, unit) => {
      layer.pieces.cuts.forEach((kink, k) => {
        if (!isFold(layer.pieces, k)) return;
        const next = [];
        for (const part of parts) {
          const halves = cut(part, part.points.map((p) => at(map, p) - kink), folds.length);
          if (halves) next.push(...halves);
          else next.push(part);
        }
        if (next.length > parts.length) folds.push({ layer: place, unit, kink: k });
        parts = next;
      });
    });
    for (const part of parts) made.push({ ...part, maps: bent(layer, maps, part), pattern: [...(cell.pattern ?? [])] });
  }
  return made;
};

// Which piece each unit is on is read where the unit is farthest from its kinks.
const bent = (layer, maps, part) =>
  maps.map((map) => {
    let [best, value] = [-1, 0];
    for (const point of part.points) {
      const u = at(map, point);
      const room = Math.min(...layer.pieces.cuts.map((kink) => Math.abs(u - kink)), Infinity);
      if (room > best) [best, value] = [room, u];
    }
    return bend(layer.pieces, map, pieceOf(layer.pieces, value));
  });

const swept = (network, start, dimensions) => {
  const folds = [];
  let cells = [{ ...start, maps: blank(dimensions) }];
  network.forEach((layer, place) => {
    cells = split(cells, layer, place, folds);
  });
  return { cells, folds };
};

// The pieces of a network of one input on [low, high]; each is {low, high, maps} with maps[i] = [slope, constant].
export const foldLine = (network, low, high) => {
  const { cells, folds } = swept(network, { points: [[low], [high]], edges: [-1, -1] }, 1);
  const pieces = cells.map((cell) => ({ low: cell.points[0][0], high: cell.points[1][0], maps: cell.maps }));
  return { pieces: ordered(pieces), folds };
};

const ordered = (pieces) => {
  for (const piece of pieces) if (piece.low > piece.high) [piece.low, piece.high] = [piece.high, piece.low];
  return pieces.sort((a, b) => a.low - b.low);
};

// The polygons of a network of two inputs in a window [[left, right], [bottom, top]].
export const foldPlane = (network, [[left, right], [bottom, top]]) => {
  const points = [[left, bottom], [right, bottom], [right, top], [left, top]];
  return swept(network, { points, edges: [-1, -1, -1, -1] }, 2);
};

const BORDER = -2; // the side of a part on which two outputs are equal

// The parts of every cell on which each output is the largest: {points, edges, best}.
export const largestParts = (cells) =>
  cells.flatMap((cell) => {
    const bests = cell.points.map((p) => {
      const values = cell.maps.map((map) => at(map, p));
      return values.indexOf(Math.max(...values));
    });
    const candidates = [...new Set(bests)];
    const whole = { points: cell.points, edges: cell.edges ?? cell.points.map(() => -1) };
    if (candidates.length === 1) return [{ ...whole, best: candidates[0] }];
    return cell.maps.flatMap((map, best) => {
      let part = whole;
      for (let other = 0; part && other < cell.maps.length; other++) {
        if (other === best) continue;
        const values = part.points.map((p) => at(map, p) - at(cell.maps[other], p));
        const halves = cut(part, values, BORDER);
        if (halves) part = halves[1];
        else if (Math.max(...values) <= 0) part = null;
      }
      return part ? [{ ...part, best }] : [];
    });
  });

// The sides of parts that separate the outputs, each as [[x, y], [x, y]].
export const partBorders = (parts) =>
  parts.flatMap(({ points, edges }) => edges.flatMap((edge, i) => (edge === BORDER ? [[points[i], points[(i + 1) % points.length]]] : [])));

// The stretches in every cell on which an output has a level; each is [[x, y], [x, y]].
export const levelLines = (cells, output, level = 0) => {
  const found = [];
  for (const cell of cells) {
    const values = cell.points.map((p) => at(cell.maps[output], p) - level);
    const ends = [];
    values.forEach((v, i) => {
      const j = (i + 1) % values.length;
      if (v === 0 || v * values[j] < 0) {
        const share = v === 0 ? 0 : v / (v - values[j]);
        ends.push(cell.points[i].map((x, k) => x + share * (cell.points[j][k] - x)));
      }
    });
    if (ends.length === 2) found.push(ends);
  }
  return found;
};

// The network on the plane x = p + s(q − p) + t(r − p): the slice is folded into the first layer.
export const onPlane = (network, p, q, r) => {
  const [first, ...rest] = network;
  const directions = [q.map((v, i) => v - p[i]), r.map((v, i) => v - p[i])];
  const dot = (row, d) => row.reduce((sum, w, i) => sum + w * d[i], 0);
  const weight = first.weight.map((row) => directions.map((d) => dot(row, d)));
  return [{ ...first, weight, bias: affine(first, p) }, ...rest];
};

// The largest number of pieces that a network of one input can have, layer by layer.
export const mostPieces = (network) =>
  network.reduce((product, layer) => product * (layer.pieces ? 1 + layer.weight.length * layer.pieces.cuts.length : 1), 1);

// Zaslavsky's number of regions of n lines in general position, the most for one layer of n units on a plane.
export const mostRegions = (network) =>
  network.reduce((product, layer) => {
    const n = layer.pieces ? layer.weight.length * layer.pieces.cuts.length : 0;
    return product * (1 + n + (n * (n - 1)) / 2);
  }, 1);

export const valueAt = at;
