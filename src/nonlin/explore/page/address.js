// The state of a panel in the address: #panel?name=value&…, only what differs from the panel's defaults.

export const formatValue = (value) =>
  Array.isArray(value) ? value.map(String).join(",") : typeof value === "boolean" ? (value ? "1" : "0") : String(value);

const numberOf = (text) => {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6 ? value : undefined;
};

export const parseValue = (text, like) => {
  if (Array.isArray(like)) {
    const values = text === "" ? [] : text.split(",").map(numberOf);
    return values.length <= 20000 && values.every((v) => v !== undefined) ? values : undefined;
  }
  if (typeof like === "number") return numberOf(text);
  if (typeof like === "boolean") return text === "1" ? true : text === "0" ? false : undefined;
  return /^[\p{L}\p{N} _.\-]{0,80}$/u.test(text) ? text : undefined;
};

export const writeAddress = (panel, state, defaults) => {
  const parts = [];
  for (const [name, usual] of Object.entries(defaults)) {
    const text = formatValue(state[name]);
    if (text !== formatValue(usual)) parts.push(`${name}=${encodeURIComponent(text).replaceAll("%2C", ",")}`);
  }
  return `#${panel}${parts.length ? `?${parts.join("&")}` : ""}`;
};

// Returns the panel's name, its state, and the names of the parts that were not understood.
export const readAddress = (hash, panels) => {
  const [name, query = ""] = hash.replace(/^#/, "").split("?");
  const panel = panels.find((candidate) => candidate.id === name) ?? panels[0];
  const state = { ...panel.defaults };
  const wrong = name && panel.id !== name ? [name.slice(0, 40)] : [];
  for (const part of query.split("&").filter(Boolean)) {
    const [key, ...rest] = part.split("=");
    let value;
    try {
      value = key in panel.defaults ? parseValue(decodeURIComponent(rest.join("=")), panel.defaults[key]) : undefined;
    } catch {
      value = undefined;
    }
    if (value === undefined) wrong.push(key.slice(0, 40));
    else state[key] = value;
  }
  return { panel, state, wrong };
};
