// The polyline with n pieces, its knots on a sampled curve, that comes nearest to it, and its ReLU network.

// Returns the indices of the knots; ys are the values at equal distances. By dynamic programming over the last knot.
const bestKnots = (ys, pieces) => {
  const n = ys.length;
  const error = segmentErrors(ys);
  let cost = ys.map((_, j) => error[0][j]);
  let sum = [...cost]; // among equally good knots, those whose errors add up to less
  const from = [ys.map(() => 0)];
  for (let k = 1; k < pieces; k++) {
    const next = new Array(n).fill(Infinity);
    const total = new Array(n).fill(Infinity);
    const came = new Array(n).fill(0);
    for (let j = k + 1; j < n; j++) {
      for (let i = k; i < j; i++) {
        const value = Math.max(cost[i], error[i][j]);
        const added = sum[i] + error[i][j];
        if (value < next[j] || (value === next[j] && added < total[j])) [next[j], total[j], came[j]] = [value, added, i];
      }
    }
    from.push(came);
    [cost, sum] = [next, total];
  }
  const knots = [n - 1];
  for (let k = pieces - 1; k >= 0; k--) knots.unshift(from[k][knots[0]]);
  return knots;
};

const segmentErrors = (ys) =>
  ys.map((start, i) => {
    const row = new Array(ys.length).fill(Infinity);
    for (let j = i + 1; j < ys.length; j++) {
      let worst = 0;
      for (let k = i + 1; k < j; k++) worst = Math.max(worst, Math.abs(ys[k] - (start + ((ys[j] - start) * (k - i)) / (j - i))));
      row[j] = worst;
    }
    return row;
  });

// The network y = v₀ + Σ cᵢ·relu(x − tᵢ) of n units, and its largest error on the samples.
export const fitPolyline = (low, high, ys, pieces) => {
  const step = (high - low) / (ys.length - 1);
  const knots = bestKnots(ys, Math.min(pieces, ys.length - 1)).map((i) => [low + i * step, ys[i]]);
  const slopes = knots.slice(1).map(([x, y], i) => (y - knots[i][1]) / (x - knots[i][0]));
  const changes = slopes.map((s, i) => s - (i ? slopes[i - 1] : 0));
  const at = knots.slice(0, -1).map(([x]) => x);
  const value = (x) => changes.reduce((sum, c, i) => sum + c * Math.max(x - at[i], 0), ys[0]);
  const errors = ys.map((y, i) => Math.abs(y - value(low + i * step)));
  return { knots, changes, at, start: ys[0], value, error: Math.max(...errors), worst: low + step * errors.indexOf(Math.max(...errors)) };
};
