// The primitives of the language of expressions in float64, each in a form that is stable over the whole range:
// the same forms as in array_primitives.py, and the error function, which JavaScript lacks.

const LARGE = 1e8; // above it √(1 + u²) is abs(u) to the last bit
const SPLIT = 134217729; // 2²⁷ + 1: Veltkamp's constant, cuts a float64 in two halves whose products are exact
const ROOT_PI = Math.sqrt(Math.PI);

const sigmoid = (u) => {
  const e = Math.exp(-Math.abs(u));
  return (u >= 0 ? 1 : e) / (1 + e);
};

const softplus = (u) => Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));

const sech2 = (u) => {
  const e = Math.exp(-2 * Math.abs(u));
  return (4 * e) / (1 + e) ** 2;
};

// tanh(log(1 + e)) = (e² + 2e)/(e² + 2e + 2); 1 to the last bit above 20
const tanh_softplus = (u) => {
  const e = Math.exp(Math.min(u, 40));
  const n = e * (e + 2);
  return n / (n + 2);
};

// 4e(e + 1)/(e² + 2e + 2)², divided by e⁴ on the right so that nothing overflows
const tanh_softplus_slope = (u) => {
  const e = Math.exp(-Math.abs(u));
  if (u > 0) return (4 * e * e * (1 + e)) / (1 + 2 * e + 2 * e * e) ** 2;
  return (4 * e * (1 + e)) / (e * (e + 2) + 2) ** 2;
};

const tanh_exp = (u) => Math.tanh(Math.exp(u));

const tanh_exp_slope = (u) => {
  const e = Math.exp(Math.min(u, 40));
  return e * sech2(e);
};

// (u·cosh(u) − sinh(u))/cosh(u), whose numerator is Σ 2k/(2k + 1)! u^(2k + 1), all terms of one sign
const tanhshrink = (u) => {
  if (!(Math.abs(u) < 1.5)) return u - Math.tanh(u);
  const t = u * u;
  let series = 0;
  for (let k = 16; k > 0; k--) series = series * t + (2 * k) / factorial(2 * k + 1);
  return (u * t * series) / Math.cosh(u);
};

const factorial = (n) => {
  let product = 1;
  for (let k = 2; k <= n; k++) product *= k;
  return product;
};

// exp(−u²) has a relative error of u²·2⁻⁵³ unless the square is kept in two parts
const squareHalves = (x) => {
  const u = Math.min(Math.max(x, -1e4), 1e4);
  const scaled = SPLIT * u;
  const high = scaled - (scaled - u);
  return [high * high, (u - high) * (u + high)];
};

const gaussian = (u) => {
  const [high, low] = squareHalves(u);
  return Math.exp(-high) * Math.exp(-low);
};

const normal_density = (u) => {
  const [high, low] = squareHalves(u);
  return (Math.exp(-0.5 * high) * Math.exp(-0.5 * low)) / Math.sqrt(2 * Math.PI);
};

// within 2 the series exp(−u²)·Σ 2ᵏ u^(2k + 1)/(2k + 1)!!, all terms of one sign
const erfSeries = (u) => {
  const t = 2 * u * u;
  let term = u;
  let sum = u;
  for (let k = 1; k < 60; k++) {
    term *= t / (2 * k + 1);
    sum += term;
  }
  return (2 / ROOT_PI) * gaussian(u) * sum;
};

// beyond 2 Laplace's continued fraction of exp(u²)·erfc(u)
const erfcxFraction = (u) => {
  let below = u;
  for (let k = 100; k > 0; k--) below = u + k / 2 / below;
  return 1 / (ROOT_PI * below);
};

const erf = (u) => {
  const size = Math.abs(u);
  if (size < 2) return erfSeries(u);
  return Math.sign(u) * (1 - gaussian(u) * erfcxFraction(size));
};

const normal_cdf = (u) => {
  if (Math.abs(u) < 0.8) return 0.5 + 0.5 * erf(u / Math.SQRT2);
  const size = Math.abs(u);
  const [high, low] = squareHalves(u);
  const density = Math.exp(-0.5 * high) * Math.exp(-0.5 * low);
  const tail = 0.5 * erfcx(size / Math.SQRT2) * density;
  return u < 0 ? tail : 1 - tail;
};

// exp(u²)·erfc(u) for u > 0; below 2 by a fraction that is long enough to settle there
const erfcx = (u) => {
  if (u >= 2) return erfcxFraction(u);
  let below = u;
  for (let k = 1200; k > 0; k--) below = u + k / 2 / below;
  return 1 / (ROOT_PI * below);
};

// the spherical Bessel function j_n(u)/uⁿ: its series near 0, where the closed form cancels
const besselQuotient = (order) => (u) => {
  if (Math.abs(u) < 1 + order) {
    let term = 1;
    for (let odd = 1; odd < 2 * order + 2; odd += 2) term /= odd;
    let series = term;
    for (let k = 1; k < 16; k++) {
      term *= (-0.5 * u * u) / (k * (2 * order + 2 * k + 1));
      series += term;
    }
    return series;
  }
  const values = [Math.sin(u) / u, (Math.sin(u) / u - Math.cos(u)) / u ** 2];
  for (let n = 1; n < order; n++) values.push(((2 * n + 1) * values[n] - values[n - 1]) / u ** 2);
  return values[order];
};

const inverse_hypot = (u) => {
  const size = Math.abs(u);
  return size > LARGE ? 1 / size : 1 / Math.sqrt(1 + size * size);
};

const isru = (u) => (Math.abs(u) > LARGE ? Math.sign(u) : u * inverse_hypot(u));

// repeated multiplication, as NumPy's evaluation does it; engines round ** differently
const power = (base, exponent) => {
  let result = 1;
  for (let square = base, left = exponent; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2) result *= square;
  }
  return result;
};

export const P = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  sin: Math.sin,
  cos: Math.cos,
  atan: Math.atan,
  hypot1: (u) => Math.hypot(1, u),
  sinc: besselQuotient(0),
  sinc1: besselQuotient(1),
  sinc2: besselQuotient(2),
  sinc3: besselQuotient(3),
  sigmoid, softplus, sech2, tanh_softplus, tanh_softplus_slope, tanh_exp, tanh_exp_slope, tanhshrink,
  gaussian, normal_density, erf, erfcx, normal_cdf, isru, inverse_hypot, power,
};
