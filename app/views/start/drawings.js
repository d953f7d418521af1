// What is on the seven cards.

import { dimAround, fill, heat, photograph, veil, whole, WHITE } from "../../components/js/canvas.js";
import { drawWindow } from "../../components/js/enlarged.js";
import { cellBoxes, centreOf, clamp, overlap, parts, rectOf } from "../../components/js/geometry.js";
import { drawArriving, drawCellTelling, drawTelling, enlargedPart } from "../../components/js/hops.js";
import { frame, gridLines, label, labelSize, ring } from "../../components/js/marks.js";
import { PALETTE } from "../../components/js/palette.js";
import { percent } from "../../components/js/words.js";

/** @typedef {import("../../components/js/canvas.js").Surface} Surface */
/** @typedef {import("../../components/js/geometry.js").Pair} Pair */
/** @typedef {import("../../components/js/geometry.js").Rect} Rect */
/**
 * As app/views/start/text.py describes it. near, far: weights of the window's tokens and of all cells. colours: each cell's, as rgb.
 * frames: two hops, for the last card.
 * @typedef {{ photo: string, exact: string, grid: Pair, token: Pair, window: import("../../components/js/geometry.js").Box, g1: number, cell: number,
 *   near: number[][], far: number[][], colours: number[][][],
 *   frames: import("../../components/js/hops.js").Frames, shares: [number, number, number], names: string[], sentences: string[], captions: string[] }} Data
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

const PANELS = ["1 token → window", "2 cell → token", "3 all: two hops", "4 one hop only"];

/**
 * Four panels; a single one where only one hop is followed.
 * @param {Surface} s @param {Data} data @param {Shown} shown
 */
function drawSum(s, data, shown) {
  const { maps } = data.frames;
  const scene = { ...shown, grid: data.grid, window: sides(data), cell: data.cell };
  const told = { ...scene, token: data.token };
  const path = shownPath(data);
  if (!path) return drawArriving(s, scene, maps[1]);
  const side = s.width / 2;
  /** @type {((panel: Surface) => Rect | void)[]} */
  const draw = [
    (panel) => drawTelling(panel, told, path, percent(path.near)),
    (panel) => drawCellTelling(panel, told, path, percent(path.far)),
    (panel) => drawArriving(panel, scene, maps[0]),
    (panel) => drawArriving(panel, scene, maps[1]),
  ];
  parts(whole(s), [2, 2]).forEach(({ x, y }, i) => {
    s.c.save();
    s.c.translate(x, y);
    s.c.beginPath();
    s.c.rect(0, 0, side, side);
    s.c.clip();
    const panel = { ...s, width: side, height: side };
    const source = draw[i](panel);
    const [w, h] = labelSize(panel, PANELS[i], 12);
    const above = source && source.y + source.h / 2 > side / 2;
    label(panel, PANELS[i], { x: 4, y: above ? 4 : side - h - 4, w, h }, veil(0.88), WHITE, 12);
    if (i === 2) {
      const [wide, high] = labelSize(panel, product(path), 12);
      label(panel, product(path), { x: 4, y: 4, w: wide, h: high }, veil(0.88), WHITE, 12);
    }
    s.c.restore();
  });
  gridLines(s, [2, 2], 1, WHITE, 2);
}

/** What one path brings. @param {import("../../components/js/hops.js").Path} path */
const product = ({ near, far, share }) => `${percent(near)} × ${percent(far)} × ¼ ≈ ${percent(share)}`;

/** A whole window's sides. @param {Data} data @returns {Pair} */
const sides = ({ g1 }) => [g1, g1];

/** The path of the last card. @param {Data} data */
const shownPath = ({ frames: { paths, shown } }) => (shown === null ? null : paths[shown]);

/**
 * The token at a place (fractions y, x) on a card.
 * @param {number} index of the card @param {Data} data @param {Pair} place @returns {Pair}
 */
export function tokenOn(index, data, [y, x]) {
  const { grid } = data;
  const path = DRAWINGS[index] === drawSum ? shownPath(data) : null;
  if (!path) return [Math.floor(y * grid[0]), Math.floor(x * grid[1])];
  const [down, right] = [(2 * y) % 1, (2 * x) % 1];
  const first = y < 0.5 && x < 0.5;
  const [top, left, height, width] = first ? enlargedPart(path, { grid, window: sides(data), cell: data.cell }) : [0, 0, ...grid];
  return [clamp(Math.floor(top + down * height), 0, grid[0] - 1), clamp(Math.floor(left + right * width), 0, grid[1] - 1)];
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
