// The panel's charts as one picture that stands alone: every colour and font is written out, so that any program shows it.

import { element, escaped } from "./chart.js";

const SHAPE = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-linecap"];
const TEXT = ["fill", "stroke", "stroke-width", "paint-order", "font-size", "font-family", "font-style", "font-weight"];
const WRITTEN = { path: SHAPE, rect: SHAPE, circle: SHAPE, text: TEXT, stop: ["stop-color"] };
const TITLE = 26;
const MARGIN = 8;

// `color(srgb r g b)`, which browsers make of mixed colours, is not known everywhere else
const plain = (value) => {
  const mixed = value.match(/^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)\)$/);
  return mixed ? `rgb(${mixed.slice(1).map((v) => Math.round(255 * Number(v))).join(", ")})` : value;
};

const written = (original, copy) => {
  const style = getComputedStyle(original);
  for (const name of WRITTEN[original.tagName] ?? []) {
    if (style.stroke === "none" && name.startsWith("stroke-")) continue;
    copy.setAttribute(name, plain(style.getPropertyValue(name)));
  }
  for (const name of ["class", "style", "role", "aria-label"]) copy.removeAttribute(name);
};

const standalone = (svg) => {
  const copy = svg.cloneNode(true);
  copy.querySelector(".handles")?.remove();
  const originals = [...svg.querySelectorAll("*")].filter((node) => !node.closest(".handles"));
  const copies = [...copy.querySelectorAll("*")];
  originals.forEach((node, i) => written(node, copies[i]));
  for (const name of ["style", "role", "aria-label"]) copy.removeAttribute(name);
  return copy;
};

const SWATCHES = {
  dots: (x, y, colour) => `<circle cx="${x + 12}" cy="${y}" r="4.5" fill="${colour}"/>`,
  area: (x, y, colour) => `<rect x="${x}" y="${y - 6}" width="15" height="12" fill="${colour}"/>`,
  line: (x, y, colour, dashes = "") => `<path d="M${x},${y}h20" stroke="${colour}" stroke-width="2.5" fill="none" stroke-dasharray="${dashes || "none"}"/>`,
  dash: (x, y, colour) => SWATCHES.line(x, y, colour, "6 4"),
  fine: (x, y, colour) => SWATCHES.line(x, y, colour, "2 3"),
};

// What the key above a chart says, where it stands there.
const keyOf = (figure, origin) =>
  [...figure.querySelectorAll(".key span")].map((span) => {
    const box = span.getBoundingClientRect();
    const [x, y] = [box.left - origin.left, (box.top + box.bottom) / 2 - origin.top];
    const before = getComputedStyle(span, "::before");
    const solid = before.borderTopStyle === "none" ? before.backgroundColor : before.borderTopColor;
    const text = `<text x="${x + 27}" y="${y + 5}" font-size="14" fill="${getComputedStyle(span).color}">${escaped(span.textContent)}</text>`;
    return (SWATCHES[span.className] ?? SWATCHES.line)(x, y, plain(solid), "") + text;
  });

// Returns the SVG text of all charts that are seen below a host, each with its title and key; charts that stand side by
// side do so in the picture.
export const composed = (host) => {
  const figures = [...host.querySelectorAll(".chart")].filter((figure) => figure.getClientRects().length);
  const boxes = figures.map((figure) => figure.getBoundingClientRect());
  const left = Math.min(...boxes.map((box) => box.left));
  const ink = getComputedStyle(document.documentElement).color;
  let [top, bottom] = [MARGIN, MARGIN];
  const parts = figures.map((figure, i) => {
    const beside = i > 0 && boxes[i].top < boxes[i - 1].bottom - 1;
    if (!beside) top = bottom;
    bottom = Math.max(bottom, top + TITLE + boxes[i].height + MARGIN);
    const svg = figure.querySelector("svg");
    const [inner, copy] = [svg.getBoundingClientRect(), standalone(svg)];
    const place = { x: inner.left - boxes[i].left, y: inner.top - boxes[i].top, width: inner.width, height: inner.height };
    for (const [name, value] of Object.entries(place)) copy.setAttribute(name, value);
    const title = `<text y="17" font-size="15" font-weight="650" fill="${ink}">${escaped(svg.getAttribute("aria-label"))}</text>`;
    const moved = `translate(${boxes[i].left - left + MARGIN}, ${top})`;
    return `<g transform="${moved}">${title}<g transform="translate(0, ${TITLE})">${keyOf(figure, boxes[i]).join("")}${copy.outerHTML}</g></g>`;
  });
  const [width, height] = [Math.ceil(Math.max(...boxes.map((box) => box.right)) - left + 2 * MARGIN), Math.ceil(bottom)];
  const { backgroundColor } = getComputedStyle(document.documentElement);
  const { fontFamily } = getComputedStyle(document.body);
  const page = element("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "font-family": fontFamily });
  page.innerHTML = `<rect width="${width}" height="${height}" fill="${backgroundColor}"/>${parts.join("")}`;
  return new XMLSerializer().serializeToString(page);
};
