// What is drawn over pictures of tokens, each in one way: lines, frames, the query's ring, numbers, labels. Lengths are CSS pixels.

import { WHITE, veil } from "./canvas.js";
import { luminance } from "./colours.js";
import { connectors } from "./geometry.js";
import { PALETTE } from "./palette.js";

/** @typedef {import("./canvas.js").Surface} Surface */
/** @typedef {import("./geometry.js").Rect} Rect */
/** @typedef {import("./geometry.js").Pair} Pair */

/** @param {CanvasRenderingContext2D} c @param {string} colour @param {number} line @param {() => void} path */
function stroke(c, colour, line, path) {
  c.strokeStyle = colour;
  c.lineWidth = line;
  c.beginPath();
  path();
  c.stroke();
}

/** @param {CanvasRenderingContext2D} c @param {number} x @param {number} y @param {number} radius @param {string} colour */
function disc(c, x, y, radius, colour) {
  c.fillStyle = colour;
  c.beginPath();
  c.arc(x, y, radius, 0, 7);
  c.fill();
}

/** @param {CanvasRenderingContext2D} c @param {number} px */
function setFont(c, px, weight = 600) {
  c.font = `${weight} ${px}px ${getComputedStyle(c.canvas).fontFamily}`;
  c.textBaseline = "middle";
}

/**
 * Lines over the whole picture, one after every `every` tokens.
 * @param {Surface} s @param {Pair} grid @param {number} every @param {string} colour @param {number} [line]
 */
export function gridLines({ c, width, height }, [h, w], every, colour, line = 1) {
  stroke(c, colour, line, () => {
    for (let i = every; i < w; i += every) {
      const x = Math.round((i * width) / w) + 0.5;
      c.moveTo(x, 0);
      c.lineTo(x, height);
    }
    for (let i = every; i < h; i += every) {
      const y = Math.round((i * height) / h) + 0.5;
      c.moveTo(0, y);
      c.lineTo(width, y);
    }
  });
}

/** @param {Surface} s @param {number} x @param {number} y @param {string} colour */
export function crosshair({ c, width, height }, x, y, colour) {
  c.setLineDash([3, 3]);
  for (const [dashes, offset] of /** @type {[string, number][]} */ ([["rgba(255,255,255,0.85)", 0], [colour, 3]])) {
    c.lineDashOffset = offset;
    stroke(c, dashes, 1.5, () => {
      c.moveTo(0, y);
      c.lineTo(width, y);
      c.moveTo(x, 0);
      c.lineTo(x, height);
    });
  }
  c.setLineDash([]);
}

/**
 * A frame. With an edge, which shows it on any ground, it lies on the rectangle's border, and inside the picture; without, in the rectangle.
 * @param {Surface} s @param {Rect} rect @param {string} colour @param {{ line?: number, edge?: ?string }} [look]
 */
export function frame({ c, width, height }, rect, colour, { line = 3, edge = WHITE } = {}) {
  const inset = edge ? 0 : line / 2;
  const least = edge ? line / 2 + 1 : inset;
  const [x, y] = [Math.max(rect.x + inset, least), Math.max(rect.y + inset, least)];
  const w = Math.max(Math.min(rect.x + rect.w - inset, width - least) - x, 0.5);
  const h = Math.max(Math.min(rect.y + rect.h - inset, height - least) - y, 0.5);
  if (edge) stroke(c, edge, line + 2, () => c.rect(x, y, w, h));
  stroke(c, colour, line, () => c.rect(x, y, w, h));
}

/** Lines from a window to its enlargement. @param {Surface} s @param {Rect} small @param {Rect} large @param {string} colour */
export function connect({ c }, small, large, colour) {
  stroke(c, colour, 1, () => {
    for (const [x0, y0, x1, y1] of connectors(small, large)) {
      c.moveTo(x0, y0);
      c.lineTo(x1, y1);
    }
  });
}

/**
 * A straight line with a head at its end, on a dark edge; nothing where there is no room for it.
 * @param {Surface} s @param {Pair} start x and y @param {Pair} end @param {string} colour
 * @param {{ from?: number, to?: number, line?: number }} [look] from, to: how far from both points it keeps
 */
export function arrowTo({ c }, [x0, y0], [x1, y1], colour, { from = 0, to = 0, line = 2 } = {}) {
  const long = Math.hypot(x1 - x0, y1 - y0);
  const head = 2.5 * line + 2;
  if (long <= from + to + head) return;
  const [x, y] = [(x1 - x0) / long, (y1 - y0) / long];
  const [tip, neck] = [long - to, long - to - head];
  for (const [ink, wide] of /** @type {[string, number][]} */ ([[veil(0.7), 2], [colour, 0]])) {
    stroke(c, ink, line + wide, () => {
      c.moveTo(x0 + x * from, y0 + y * from);
      c.lineTo(x0 + x * neck, y0 + y * neck);
    });
    c.fillStyle = ink;
    c.beginPath();
    c.moveTo(x0 + x * (tip + wide), y0 + y * (tip + wide));
    for (const side of [1, -1]) c.lineTo(x0 + x * neck - side * y * (head / 2 + wide), y0 + y * neck + side * x * (head / 2 + wide));
    c.fill();
  }
}

/**
 * The query: a ring with white edges, because its hue alone is not safe for the colour-blind.
 * @param {Surface} s @param {Pair} at x and y @param {number} [radius] @param {{ colour?: string, dot?: boolean }} [look] dot: none where a number stands in it
 */
export function ring({ c }, [x, y], radius = 10, { colour = PALETTE.query, dot = true } = {}) {
  stroke(c, WHITE, 5.5, () => c.arc(x, y, radius, 0, 7));
  stroke(c, colour, 3, () => c.arc(x, y, radius, 0, 7));
  if (!dot) return;
  disc(c, x, y, 0.4 * radius, WHITE);
  disc(c, x, y, 0.25 * radius, colour);
}

/** The query on a picture too small for a ring. @param {Surface} s @param {Pair} at x and y @param {string} colour */
export function queryDot({ c, width }, [x, y], colour) {
  disc(c, x, y, Math.max(width / 14, 3), colour);
  stroke(c, WHITE, Math.max(width / 34, 1), () => c.arc(x, y, Math.max(width / 14, 3), 0, 7));
}

/** The token that is pointed at. @param {Surface} s @param {Pair} at x and y */
export function hoverRing({ c }, [x, y]) {
  stroke(c, WHITE, 1.5, () => c.arc(x, y, 6, 0, 7));
}

/**
 * A token beside the query, by its shape.
 * @param {Surface} s @param {Pair} at x and y @param {number} r @param {"diamond" | "square"} shape
 */
export function sign({ c }, [x, y], r, shape) {
  for (const [colour, line] of /** @type {[string, number][]} */ ([[PALETTE.ink, 5], [WHITE, 2.5]]))
    stroke(c, colour, line, () => {
      if (shape === "square") return c.rect(x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6);
      c.moveTo(x, y - r);
      c.lineTo(x + r, y);
      c.lineTo(x, y + r);
      c.lineTo(x - r, y);
      c.closePath();
    });
}

/**
 * A number in the middle of a cell.
 * @param {Surface} s @param {string} text @param {Pair} at x and y
 * @param {{ px?: number, level?: number, halo?: boolean }} [look] level: the cell's, 0..1; a strong one is pale. halo: on a photograph
 */
export function number({ c }, text, [x, y], { px = 12, level = 0, halo = false } = {}) {
  setFont(c, px);
  c.textAlign = "center";
  if (halo) {
    c.lineWidth = 3;
    c.strokeStyle = veil(0.75);
    c.strokeText(text, x, y);
  }
  c.fillStyle = level > 0.6 ? PALETTE.ink : WHITE;
  c.fillText(text, x, y + 1);
}

/** How large a label is: width and height. @param {Surface} s @param {string} text @param {number} [px] @returns {Pair} */
export function labelSize({ c }, text, px = 13) {
  setFont(c, px);
  return [c.measureText(text).width + 14, px + 9];
}

/**
 * @param {Surface} s @param {string} text @param {Rect} rect as large as `labelSize` says @param {string} ground @param {string} ink
 * @param {number} [px]
 */
export function label({ c }, text, rect, ground, ink, px = 13) {
  c.fillStyle = ground;
  c.beginPath();
  c.roundRect(rect.x, rect.y, rect.w, rect.h, 5);
  c.fill();
  setFont(c, px);
  c.fillStyle = ink;
  c.textAlign = "center";
  c.fillText(text, rect.x + rect.w / 2, rect.y + rect.h / 2 + 1);
}

/** What is legible on a colour. @param {string} ground as the browser computes it */
export const inkOn = (ground) => (luminance(ground) > 0.4 ? PALETTE.ink : WHITE);

/** A bar at the picture's foot. @param {Surface} s @param {string} text */
export function bar({ c, width, height }, text) {
  c.fillStyle = veil(0.8);
  c.fillRect(0, height - 34, width, 34);
  setFont(c, 14, 400);
  c.fillStyle = WHITE;
  c.textAlign = "start";
  c.fillText(text, 12, height - 16);
}
