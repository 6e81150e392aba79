// Numbers as the page shows them, and ticks for its axes.

export const show = (value, digits = 4) => {
  if (value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size >= 1e6 || size < 1e-4) ? exponent(value, digits) : trimmed(value, digits);
  return text.replace("-", "−");
};

const trimmed = (value, digits) => {
  const text = String(Number(value.toPrecision(digits)));
  return text === "-0" ? "0" : text;
};

const exponent = (value, digits) => {
  const [mantissa, power] = value.toExponential(digits - 2).split("e");
  const raised = [...String(Number(power))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)])).join("");
  return `${String(Number(mantissa))}·10${raised}`;
};

export const ticks = (low, high, wanted = 6) => {
  const rough = (high - low) / wanted;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return found.map((value) => Number(value.toPrecision(12)));
};

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export const rounded = (value, digits = 3) => Number(value.toFixed(digits)) + 0;

// A generator of random numbers that gives the same ones everywhere (mulberry32), and normal ones by Box and Muller.
export const randomNumbers = (seed) => {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
};
