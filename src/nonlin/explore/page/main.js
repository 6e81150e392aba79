// The page: tabs, language, colours, the address, and the panel that is shown.

import { readAddress, writeAddress } from "./address.js";
import { button, download, make } from "./controls.js";
import { WORDS } from "./words.js";
import { exportState, importState } from "./exchange.js";
import { composed } from "./picture.js";
import { functionPanel } from "./panels/function_panel.js";
import { linearPanel } from "./panels/linear_panel.js";
import { linePanel } from "./panels/line_panel.js";
import { planePanel } from "./panels/plane_panel.js";
import { fitPanel } from "./panels/fit_panel.js";
import { vanishingPanel } from "./panels/vanishing_panel.js";
import { networkPanel } from "./panels/network_panel.js";
import { CATALOGUE } from "./generated.js";
import { foldLine, foldPlane, forward, onPlane, levelLines } from "./geometry.js";
import { moments, shareOff } from "./quadrature.js";
import { fitPolyline } from "./fitting.js";

const data = JSON.parse(document.getElementById("data").textContent);
const all = [functionPanel, linearPanel, linePanel, planePanel, fitPanel, vanishingPanel, networkPanel];
const common = { lang: data.language ?? "en", theme: "auto" };
const panels = all.map((panel) => ({ ...panel, defaults: { ...common, ...panel.defaults } }));
const host = document.getElementById("panel");
const notice = document.getElementById("notice");
const kept = new Map(); // the state of panels that were left, so that coming back finds it
let current;
let state;
let redraw = () => {};
let leave = () => {};
let asked = 0;
let writing = 0;

const t = (key, values = {}) =>
  (WORDS[state.lang]?.[key] ?? WORDS.en[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

const say = (text) => {
  notice.textContent = text;
  notice.hidden = !text;
};

const dark = matchMedia("(prefers-color-scheme: dark)");
let around; // whether the notebook that holds the page is dark, where there is one
const paint = () => {
  const theme = state.theme === "auto" ? ((around ?? dark.matches) ? "dark" : "light") : state.theme;
  document.documentElement.dataset.theme = theme;
  document.documentElement.lang = state.lang === "zh" ? "zh-Hans" : "en";
};

const remember = () => {
  clearTimeout(writing);
  writing = setTimeout(() => {
    const address = writeAddress(current.id, state, current.defaults);
    // a frame in a notebook has no address of its own to write
    if (parent !== window) parent.postMessage({ nonlin: "state", address }, "*");
    else if (address !== location.hash) history.replaceState(null, "", address);
  }, 150);
};

const set = (changes) => {
  Object.assign(state, changes);
  remember();
  if (!asked) asked = requestAnimationFrame(() => ((asked = 0), redraw()));
};

// Handles move from where they were drawn: a key that comes before the frame of the key before it would start from the old place.
const settle = () => {
  if (!asked) return;
  cancelAnimationFrame(asked);
  asked = 0;
  redraw();
};

const app = {
  data,
  t: (key, values) => t(key, values),
  set,
  say,
  get state() {
    return state;
  },
  remount: () => open(current, state),
};

const open = (panel, values) => {
  leave();
  leave = () => {};
  current = panel;
  state = values;
  kept.set(panel.id, state);
  paint();
  host.replaceChildren(make("h1", {}, t(`${panel.id}.title`)), make("p", { class: "lead" }, t(`${panel.id}.lead`)));
  host.dataset.panel = panel.id;
  const mounted = panel.mount(host, app);
  redraw = mounted.draw;
  leave = mounted.leave ?? leave;
  frame();
  redraw();
  remember();
};

const frame = () => {
  document.title = `${t(`${current.id}.tab`)} – nonlin`;
  document.getElementById("subtitle").textContent = t("page.subtitle");
  const tabs = panels.map((panel) =>
    make(
      "button",
      { type: "button", role: "tab", "data-tab": panel.id, "aria-selected": String(panel === current), tabindex: panel === current ? "0" : "-1", onclick: () => go(panel) },
      t(`${panel.id}.tab`),
    ),
  );
  const nav = document.getElementById("tabs");
  nav.replaceChildren(...tabs);
  nav.setAttribute("aria-label", t("page.panels"));
  const chosen = tabs[panels.indexOf(current)];
  nav.scrollLeft = chosen.offsetLeft - nav.offsetLeft - 40;
  const other = state.lang === "zh" ? "en" : "zh";
  const themes = { auto: "light", light: "dark", dark: "auto" };
  document.getElementById("settings").replaceChildren(
    button(other === "zh" ? "中文" : "English", () => shared({ lang: other }), "language"),
    button(t(`theme.${state.theme}`), () => shared({ theme: themes[state.theme] ?? "auto" }), "theme"),
  );
  document.getElementById("footer").replaceChildren(...foot());
};

const shared = (changes) => {
  for (const values of kept.values()) Object.assign(values, changes);
  Object.assign(common, changes);
  open(current, state);
};

const go = (panel, focus = false) => {
  const old = kept.get(panel.id) ?? { ...panel.defaults };
  open(panel, { ...old, lang: state.lang, theme: state.theme });
  say("");
  if (focus) document.querySelector(`[data-tab="${panel.id}"]`).focus();
};

const foot = () => {
  const chooser = make("input", { type: "file", accept: ".json", hidden: true, "data-key": "file" });
  chooser.addEventListener("change", async () => {
    if (chooser.files.length) load(await chooser.files[0].text());
  });
  const picture = () => download(`nonlin-${current.id}.svg`, composed(host), "image/svg+xml");
  return [
    button(t("page.save"), () => download(`nonlin-${current.id}.json`, exportState(current, state, app), "application/json"), "save"),
    button(t("page.load"), () => chooser.click(), "load"),
    ...(host.querySelector(".chart") ? [button(t("page.picture"), picture, "picture")] : []),
    chooser,
    make("span", {}, t("page.offline", { version: data.version })),
  ];
};

const load = (text) => {
  try {
    const found = importState(text, panels);
    open(found.panel, { ...found.state, lang: state.lang, theme: state.theme });
    say("");
  } catch (error) {
    say(t("page.badFile", { why: error.message }));
  }
};

const fromAddress = (address) => {
  say("");
  const found = readAddress(address, panels);
  if (!["en", "zh"].includes(found.state.lang)) found.wrong.push(`lang`), (found.state.lang = "en");
  if (!["auto", "light", "dark"].includes(found.state.theme)) found.wrong.push("theme"), (found.state.theme = "auto");
  open(found.panel, found.state);
  if (found.wrong.length) say(t("page.badAddress", { parts: found.wrong.join(", ") }));
};

document.getElementById("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  go(panels[(panels.indexOf(current) + step + panels.length) % panels.length], true);
});
addEventListener("keydown", settle, true);
addEventListener("hashchange", () => fromAddress(location.hash));
let lastWidth = innerWidth;
addEventListener("resize", () => innerWidth !== lastWidth && ((lastWidth = innerWidth), redraw()));
addEventListener("message", (event) => {
  if (event.data?.nonlin !== "open") return;
  around = event.data.dark;
  if (String(event.data.address).startsWith("#")) fromAddress(event.data.address);
  else paint(), redraw();
});
dark.addEventListener("change", () => (paint(), redraw()));

const own = data.network && !data.network.example;
fromAddress(location.hash || (own ? "#network" : ""));
document.documentElement.dataset.firstPicture = String(performance.now());
window.nonlin = { CATALOGUE, foldLine, foldPlane, forward, onPlane, levelLines, moments, shareOff, fitPolyline, load, data, state: () => ({ ...state }), redraw: () => redraw() };
