// The weights in a window: at its place on the grey photograph, and beside it once more, enlarged, with numbers.

import { WHITE, heat, photograph } from "./canvas.js";
import { enlargedBox, fittedBox, fractions, parts, rectOf } from "./geometry.js";
import { connect, frame, number, ring } from "./marks.js";
import { PALETTE } from "./palette.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Pair} Pair */

const PRINTED = 0.04; // weights above this are printed

/**
 * Draw both; returns the enlarged window, in tokens: the window itself where it cannot be drawn larger.
 * @param {import("./canvas.js").Surface} s
 * @param {{ grey: ?import("./canvas.js").Photo, grid: Pair, window: Box, token: Pair, levels: ArrayLike<number>, most: number, lit?: ?Box }} shown
 *   levels: weights of the window's tokens, row by row, 0..1 of the largest, which is `most`. lit: a token that is pointed at
 * @returns {Box}
 */
export function drawWindow(s, { grey, grid, window, token, levels, most, lit }) {
  const step = s.width / grid[1];
  const alone = s.width < 220; // no room for the window and its place
  const found = alone ? fittedBox(window, grid) : enlargedBox(window, grid);
  const [own, large] = [rectOf(window, step), rectOf(found ?? window, step)];
  /** @type {Pair} */
  const shape = [window[2], window[3]];
  photograph(s, alone ? null : grey);
  if (!alone) {
    heat(s, parts(own, shape), levels, PALETTE.ramps.local);
    frame(s, own, PALETTE.local, { line: 1.5, edge: null });
  }
  const cells = parts(large, shape);
  if (found) {
    photograph(s, grey, fractions(window, grid), large);
    heat(s, cells, levels, PALETTE.ramps.local);
    if (!alone) connect(s, own, large, PALETTE.local);
    frame(s, large, PALETTE.local, { line: 2, edge: null });
  }
  const side = large.w / window[3];
  const printed = side >= 22;
  /** @param {Pair} at @returns {import("./geometry.js").Rect} */
  const cellOf = ([y, x]) => cells[(y - window[0]) * window[3] + x - window[1]];
  const asking = cellOf(token);
  ring(s, [asking.x + asking.w / 2, asking.y + asking.h / 2], Math.min(0.42 * side, 0.05 * s.width), { dot: !printed });
  if (printed) printWeights(s, cells, levels, most);
  if (lit) frame(s, cellOf([lit[0], lit[1]]), WHITE, { line: 2, edge: null });
  return found ?? window;
}

/**
 * Weights in per cent, in the cells that have room for them.
 * @param {import("./canvas.js").Surface} s @param {import("./geometry.js").Rect[]} cells @param {ArrayLike<number>} levels
 * @param {number} most
 */
export function printWeights(s, cells, levels, most) {
  const px = s.width > 300 && cells[0].w > 40 ? 15 : cells[0].w >= 28 ? 12 : 11;
  cells.forEach(({ x, y, w, h }, i) => {
    const weight = levels[i] * most;
    if (weight > PRINTED) number(s, String(Math.round(100 * weight)), [x + w / 2, y + h / 2], { px, level: levels[i] });
  });
}
