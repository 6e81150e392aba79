// Weights and points as JSON that `nonlin.explore.load` reads and `nonlin.explore.save` writes.

import { parseValue, formatValue } from "./address.js";

const FORMAT = "nonlin-explore/1";

export const exportState = (panel, state, app) => {
  const own = Object.fromEntries(Object.keys(panel.defaults).filter((key) => !["lang", "theme"].includes(key)).map((key) => [key, state[key]]));
  const extra = panel.exported?.(state, app) ?? {};
  return `${JSON.stringify({ format: FORMAT, panel: panel.id, state: own, ...extra }, null, 1)}\n`;
};

// Returns the panel and its state; raises an Error that says what is wrong.
export const importState = (text, panels) => {
  const found = JSON.parse(text);
  if (found?.format !== FORMAT) throw new Error(`format: ${FORMAT}`);
  const panel = panels.find((candidate) => candidate.id === found.panel);
  if (!panel) throw new Error(`panel: ${String(found.panel).slice(0, 40)}`);
  const state = { ...panel.defaults };
  for (const [key, value] of Object.entries(found.state ?? {})) {
    if (!(key in panel.defaults)) throw new Error(`state: ${key.slice(0, 40)}`);
    const right = Array.isArray(value) === Array.isArray(panel.defaults[key]) ? parseValue(formatValue(value), panel.defaults[key]) : undefined;
    if (right === undefined) throw new Error(`state.${key}`);
    state[key] = right;
  }
  const stated = found.state ?? {};
  const taken = panel.imported?.(found, state, (name) => name in stated) ?? {};
  return { panel, state: { ...state, ...taken } };
};
