// How a panel's numbers are drawn: as a map or a matrix in two hues, as bars, as shares, or as weights on the photograph.

import { fill, heat, photograph, surface, WHITE, whole } from "../../components/js/canvas.js";
import { css, mix, rgbOf } from "../../components/js/colours.js";
import { printWeights } from "../../components/js/enlarged.js";
import { clamp, parts } from "../../components/js/geometry.js";
import { frame, gridLines, ring } from "../../components/js/marks.js";
import { PALETTE } from "../../components/js/palette.js";
import { shapeOf } from "./indices.js";

/** @typedef {import("./indices.js").Panel} Panel */
/** @typedef {import("../../components/js/canvas.js").Surface} Surface */
/** @typedef {import("../../components/js/geometry.js").Rect} Rect */
/** @typedef {(name: string) => string} Theme */

/** CSS pixels. @param {Panel} panel @param {number} width */
export function heightOf(panel, width) {
  const [down, across] = shapeOf(panel);
  if (["map", "photo", "square"].includes(panel.kind ?? "")) return (width * down) / across;
  const rows = panel.values.length;
  return panel.kind === "share" ? 26 : rows === 1 ? 20 : Math.round(clamp(rows * 15, 120, 270));
}

/**
 * @param {HTMLCanvasElement} canvas @param {number} width @param {Panel} panel
 * @param {{ marks: import("../../components/js/geometry.js").Box[], grey: ?HTMLCanvasElement, theme: Theme }} look marks: cells to frame
 */
export function drawPanel(canvas, width, panel, { marks, grey, theme }) {
  const height = heightOf(panel, width);
  canvas.style.height = `${height}px`;
  const s = surface(canvas, width, height);
  const [down, across] = shapeOf(panel);
  const [tall, wide] = [height / down, width / across];
  /** @param {import("../../components/js/geometry.js").Box} box @returns {Rect} */
  const rect = ([top, left, h, w]) => ({ x: left * wide, y: top * tall, w: w * wide, h: h * tall });
  const cells = parts(rect([0, 0, panel.values.length, panel.values[0].length]), [panel.values.length, panel.values[0].length]);
  const levels = panel.values.flat().map((value) => value / (panel.most || 1));
  const onPhoto = panel.kind === "photo";
  const ink = rgbOf(theme("ink"));
  if (onPhoto) drawWeights(s, panel, cells, levels, grey);
  else if (panel.kind === "bars" || panel.kind === "share") drawBars(s, panel, cells, levels, theme);
  else {
    drawMatrix(s, panel, cells, levels, theme);
    frame(s, rect([0, 0, down, across]), css(ink, 0.25), { line: 1, edge: null });
  }
  if (panel.every) gridLines(s, [down, across], panel.every, css(ink, 0.45));
  if (panel.frame) frame(s, rect(panel.frame), theme("local"));
  if (panel.own !== undefined) {
    s.c.fillStyle = theme("query");
    s.c.fillRect(0, panel.own * tall, 4, Math.max(tall, 2));
  }
  // On the photograph the ring goes round the number in its cell.
  const radius = onPhoto ? clamp(0.36 * wide, 6, 14) : 7;
  if (panel.ring) ring(s, [panel.ring[1] * wide, panel.ring[0] * tall], radius, { colour: theme("query"), dot: false });
  const [colour, edge] = onPhoto ? [WHITE, PALETTE.ink] : [theme("ink"), theme("page")];
  for (const box of marks) frame(s, rect(box), colour, { line: 2, edge });
}

/** @param {Surface} s @param {Panel} panel @param {Rect[]} cells @param {number[]} levels @param {?HTMLCanvasElement} grey */
function drawWeights(s, panel, cells, levels, grey) {
  photograph(s, grey, panel.crop);
  heat(s, cells, levels, PALETTE.ramps[panel.hue === "local" ? "local" : "global"]);
  if (cells[0].w >= 24 && cells[0].h >= 18) printWeights(s, cells, levels, panel.most);
}

/**
 * Bars to both sides of a middle line, or one that fills a share of the width.
 * @param {Surface} s @param {Panel} panel @param {Rect[]} cells @param {number[]} levels @param {Theme} theme
 */
function drawBars(s, panel, cells, levels, theme) {
  const zero = panel.kind === "bars" ? s.width / 2 : 0;
  const gap = cells[0].h >= 5 ? 1 : 0; // above and below
  const [page, ink, hue] = ["page", "ink", panel.hue].map((name) => rgbOf(theme(name)));
  const bars = cells.map(({ y, h }, i) => {
    const length = levels[i] * (s.width - zero);
    return { x: Math.min(zero, zero + length), y: y + gap, w: Math.abs(length), h: h - 2 * gap };
  });
  fill(s, [whole(s)], () => css(page));
  fill(s, bars, (i) => css(levels[i] < 0 ? mix(page, ink, 0.4) : hue));
  if (panel.kind === "bars") fill(s, [{ x: Math.round(zero), y: 0, w: 1, h: s.height }], () => css(ink, 0.5));
}

/**
 * The page's colour at 0, the hue above, dark below. Ink has no second hue: it runs from the page's colour to its own.
 * @param {Surface} s @param {Panel} panel @param {Rect[]} cells @param {number[]} levels @param {Theme} theme
 */
function drawMatrix(s, panel, cells, levels, theme) {
  const [page, ink, hue] = ["page", "ink", panel.hue].map((name) => rgbOf(theme(name)));
  const below = mix(page, ink, 0.85);
  fill(s, cells, (i) => {
    const shade = Math.abs(levels[i]) ** 0.8;
    if (panel.hue === "ink") return css(mix(page, ink, (1 + Math.sign(levels[i]) * shade) / 2));
    return css(mix(page, levels[i] < 0 ? below : hue, shade));
  });
}
