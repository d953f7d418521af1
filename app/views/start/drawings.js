// What is on the seven cards.

import { dimAround, fill, heat, photograph, uncover, veil, WHITE } from "../../components/js/canvas.js";
import { drawWindow } from "../../components/js/enlarged.js";
import { cellBoxes, centreOf, clamp, overlap, rectOf } from "../../components/js/geometry.js";
import { frame, gridLines, label, labelSize, ring } from "../../components/js/marks.js";
import { PALETTE } from "../../components/js/palette.js";
import { percent } from "../../components/js/words.js";

/** @typedef {import("../../components/js/canvas.js").Surface} Surface */
/** @typedef {import("../../components/js/geometry.js").Pair} Pair */
/** @typedef {import("../../components/js/geometry.js").Rect} Rect */
/**
 * As app/views/start/text.py describes it. near, far: weights of the window's tokens and of all cells. colours: each cell's, as rgb. hops:
 * 0..1 of each token's brightness on the last card.
 * @typedef {{ photo: string, exact: string, grid: Pair, token: Pair, window: import("../../components/js/geometry.js").Box, g1: number, cell: number,
 *   near: number[][], far: number[][], colours: number[][][], hops: number[][], names: string[], sentences: string[], captions: string[] }} Data
 */
/** exact: the model's pixels. token: may be ahead of the data's. @typedef {{ photo: HTMLImageElement, exact: HTMLImageElement, grey: HTMLCanvasElement, token: Pair }} Shown */

const ARCS = 5;

/** @type {((s: Surface, data: Data, shown: Shown) => void)[]} */
export const DRAWINGS = [drawImage, drawTokens, drawWindows, drawLocal, drawPool, drawGlobal, drawSum];

/** @param {Surface} s @param {Data} data @param {Shown} shown */
function drawImage(s, data, { exact, token }) {
  photograph(s, exact);
  ring(s, spot(s, data, token));
}

/** @param {Surface} s @param {Data} data @param {Shown} shown */
function drawTokens(s, data, { photo, token }) {
  photograph(s, photo);
  gridLines(s, data.grid, 1, "rgba(255,255,255,0.34)");
  ring(s, spot(s, data, token));
}

/** @param {Surface} s @param {Data} data @param {Shown} shown */
function drawWindows(s, data, { photo, token }) {
  photograph(s, photo);
  const own = rectOf(data.window, unit(s, data));
  dimAround(s, own, 0.42);
  gridLines(s, data.grid, 1, "rgba(255,255,255,0.16)");
  gridLines(s, data.grid, data.g1, "rgba(255,255,255,0.85)", 2);
  frame(s, own, PALETTE.local);
  ring(s, spot(s, data, token));
}

/** @param {Surface} s @param {Data} data @param {Shown} shown */
function drawLocal(s, data, { grey, token }) {
  const { grid, window } = data;
  const [levels, most] = scaled(data.near.flat());
  const large = drawWindow(s, { grey, grid, window, token: data.token, levels, most });
  if (large !== window) ring(s, spot(s, data, token), 6);
}

/** @param {Surface} s @param {Data} data @param {Shown} shown */
function drawPool(s, data, { token }) {
  const colours = data.colours.flat();
  fill(s, cellRects(s, data), (i) => `rgb(${colours[i]})`);
  gridLines(s, data.grid, data.cell, PALETTE.global, data.far.length > 20 ? 1 : 1.5);
  ring(s, spot(s, data, token));
}

/** @param {Surface} s @param {Data} data @param {Shown} shown */
function drawGlobal(s, data, { grey, token }) {
  photograph(s, grey);
  const cells = cellRects(s, data);
  const [levels, most] = scaled(data.far.flat());
  heat(s, cells, levels, PALETTE.ramps.global);
  const order = levels.map((_, i) => i).sort((a, b) => levels[b] - levels[a]);
  frame(s, cells[order[0]], WHITE, { edge: null });
  const named = order.slice(0, ARCS).filter((i) => levels[i] >= 0.4 || levels[i] * most >= 0.04);
  const asking = spot(s, data, data.token);
  for (const i of named) arc(s, centreOf(cells[i]), asking, 1 + 4 * levels[i]);
  ring(s, spot(s, data, token));
  const taken = [{ x: asking[0] - 13, y: asking[1] - 13, w: 26, h: 26 }];
  for (const i of named) nameCell(s, percent(levels[i] * most), cells[i], taken);
}

/** @param {Surface} s @param {Data} data @param {Shown} shown */
function drawSum(s, data, { photo, token }) {
  photograph(s, photo);
  uncover(s, data.hops.flat(), data.grid);
  frame(s, rectOf(data.window, unit(s, data)), PALETTE.local, { line: 1.5 });
  ring(s, spot(s, data, token));
}

/** CSS pixels of a token. @param {Surface} s @param {Data} data */
const unit = (s, data) => s.width / data.grid[1];

/** @param {Surface} s @param {Data} data @param {Pair} token */
const spot = (s, data, token) => centreOf(rectOf([...token, 1, 1], unit(s, data)));

/** @param {Surface} s @param {Data} data */
const cellRects = (s, data) => cellBoxes(data.cell, data.grid).map((box) => rectOf(box, unit(s, data)));

/** Weights on the scale of the largest, and that one. @param {number[]} weights @returns {[number[], number]} */
function scaled(weights) {
  const most = Math.max(...weights);
  return [weights.map((weight) => weight / most), most];
}

/**
 * From a cell to the token, bent to one side, so that arcs over each other stay apart.
 * @param {Surface} s @param {Pair} from @param {Pair} to @param {number} line
 */
function arc({ c }, [x0, y0], [x1, y1], line) {
  const bend = 0.18;
  const middle = /** @type {Pair} */ ([(x0 + x1) / 2 + (y1 - y0) * bend, (y0 + y1) / 2 - (x1 - x0) * bend]);
  c.lineCap = "round";
  for (const [colour, extra] of /** @type {[string, number][]} */ ([[veil(0.55), 2], [PALETTE.arc, 0]])) {
    c.strokeStyle = colour;
    c.lineWidth = line + extra;
    c.beginPath();
    c.moveTo(x0, y0);
    c.quadraticCurveTo(...middle, x1, y1);
    c.stroke();
  }
  c.lineCap = "butt";
}

/**
 * Label a cell, in it or a little above or below, where another label or the ring stands already.
 * @param {Surface} s @param {string} text @param {Rect} cell @param {Rect[]} taken
 */
function nameCell(s, text, cell, taken) {
  const px = s.width > 330 ? 14 : 12;
  const [w, h] = labelSize(s, text, px);
  const [x, y] = centreOf(cell);
  const places = [0, -0.7, 0.7, -1.15, 1.15].map((by) => ({
    x: clamp(x - w / 2, 3, s.width - w - 3),
    y: clamp(y - h / 2 + by * h, 3, s.height - h - 3),
    w,
    h,
  }));
  const free = places.find((one) => taken.every((other) => !overlap(one, other)));
  if (!free) return;
  taken.push(free);
  label(s, text, free, veil(0.88), PALETTE.arc, px);
}
