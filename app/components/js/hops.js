// Two hops in frames: a token tells its window, the window's cell tells the selected token; then the maps of all such paths.

import { bytes } from "./bytes.js";
import { fill, photograph, uncover } from "./canvas.js";
import { onRamp } from "./colours.js";
import { besideRect, cellBox, cellGrid, centreOf, common, fractions, parts, rectOf, squareAround, windowOf } from "./geometry.js";
import { arrowTo, frame, label, labelSize, ring } from "./marks.js";
import { PALETTE } from "./palette.js";

/** @typedef {import("./canvas.js").Surface} Surface */
/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Pair} Pair */
/** @typedef {import("./geometry.js").Rect} Rect */
/** cell: its row and column. @typedef {{ source: Pair, cell: Pair, near: number, far: number, share: number, two: number, one: number }} Path */
/** As app/core/hops.py makes it. @typedef {{ paths: Path[], shown: ?number, maps: [string, string] }} Frames */
/**
 * window: a whole window's sides. cell: a cell's side. token: the selected one.
 * @typedef {{ photo: HTMLImageElement, grey: ?import("./canvas.js").Photo, grid: Pair, window: Pair, cell: number, token: Pair }} Scene
 */

/** @typedef {Pick<Scene, "grid" | "window" | "cell">} Layout */

/** The tokens of a path's cell. @param {Path} path @param {Layout} layout */
const cellOf = ({ cell: [row, column] }, { cell, grid }) => cellBox(row * cellGrid(cell, grid)[1] + column, cell, grid);

/**
 * What the first frame shows, enlarged: a square around the source's window and the cell, in tokens.
 * @param {Path} path @param {Layout} layout @returns {Box}
 */
export function enlargedPart(path, layout) {
  const { grid } = layout;
  const [window, cell] = [windowOf(path.source, layout.window, grid), cellOf(path, layout)];
  const [top, left] = [Math.min(window[0], cell[0]), Math.min(window[1], cell[1])];
  const height = Math.max(window[0] + window[2], cell[0] + cell[2]) - top;
  const width = Math.max(window[1] + window[3], cell[1] + cell[3]) - left;
  return squareAround([top, left, height, width], Math.min(Math.max(...grid), Math.max(height, width) + 1), grid);
}

/**
 * Frame 1: the source, and the tokens of the cell that read it in their window; returns where the source is drawn.
 * @param {Surface} s @param {Scene} scene @param {Path} path @param {string} text
 */
export function drawTelling(s, scene, path, text) {
  const { grid } = scene;
  const crop = enlargedPart(path, scene);
  const step = s.width / crop[2];
  /** @param {Box} box */
  const rect = ([y, x, h, w]) => rectOf([y - crop[0], x - crop[1], h, w], step);
  const [window, cell, source] = [windowOf(path.source, scene.window, grid), cellOf(path, scene), rect([...path.source, 1, 1])];
  const told = common(window, cell);
  const readers = parts(rect(told), [told[2], told[3]]);
  photograph(s, scene.grey, fractions(crop, grid));
  fill(s, readers, () => onRamp(PALETTE.ramps.local, 0.4), 1);
  if (step >= 8) for (const token of parts(rect(window), [window[2], window[3]])) frame(s, token, "rgba(255,255,255,0.25)", { line: 1, edge: null });
  frame(s, rect(cell), PALETTE.global, { line: 2, edge: null });
  frame(s, rect(window), PALETTE.local, { line: 2, edge: null });
  const aims = step >= 14 && readers.length <= 16 ? readers : [rect(told)];
  for (const aim of aims) arrowTo(s, centreOf(source), centreOf(aim), PALETTE.local, { from: step / 2 });
  frame(s, source, PALETTE.local);
  drawRing(s, scene, rect, 7);
  name(s, text, source, [rect(told)], PALETTE.local);
  return source;
}

/** Frame 2: the cell, and the token that reads it; returns where the cell is drawn. @param {Surface} s @param {Scene} scene @param {Path} path @param {string} text */
export function drawCellTelling(s, scene, path, text) {
  const step = s.width / scene.grid[1];
  /** @param {Box} box */
  const rect = (box) => rectOf(box, step);
  const [cell, token] = [rect(cellOf(path, scene)), rect([...scene.token, 1, 1])];
  photograph(s, scene.grey);
  fill(s, [cell], () => onRamp(PALETTE.ramps.global, 0.5));
  frame(s, rect([...path.source, 1, 1]), PALETTE.local, { line: 2, edge: null });
  frame(s, cell, PALETTE.global, { line: 2 });
  arrowTo(s, centreOf(cell), centreOf(token), PALETTE.global, { from: cell.w / 2, to: 10, line: 3 });
  drawRing(s, scene, rect, 7);
  const [[x0, y0], [x1, y1]] = [centreOf(cell), centreOf(token)];
  const way = { x: Math.min(x0, x1) - 10, y: Math.min(y0, y1) - 10, w: Math.abs(x0 - x1) + 20, h: Math.abs(y0 - y1) + 20 };
  name(s, text, cell, [way], PALETTE.global);
  return cell;
}

/** Frames 3 and 4: what arrives, by the light on the photograph. @param {Surface} s @param {Scene} scene @param {string} map one of `maps` */
export function drawArriving(s, scene, map) {
  const { grid, token } = scene;
  /** @param {Box} box */
  const rect = (box) => rectOf(box, s.width / grid[1]);
  photograph(s, scene.photo);
  uncover(s, Array.from(bytes(map), (level) => level / 255), grid);
  frame(s, rect(windowOf(token, scene.window, grid)), PALETTE.local, { line: 1.5 });
  drawRing(s, scene, rect, s.width > 280 ? 10 : 7);
}

/** @param {Surface} s @param {Scene} scene @param {(box: Box) => Rect} rect @param {number} radius */
const drawRing = (s, { token }, rect, radius) => ring(s, centreOf(rect([...token, 1, 1])), radius);

/** A label beside a rectangle. @param {Surface} s @param {string} text @param {Rect} rect @param {Rect[]} avoid @param {string} ground */
function name(s, text, rect, avoid, ground) {
  const place = besideRect(labelSize(s, text, 12), rect, avoid, [-9, -9], [s.width, s.height]);
  label(s, text, place, ground, PALETTE.ink, 12);
}

/** HTML of the shares of the output as a bar; the words beside it say the same. @param {[number, number, number]} shares what stays, the window's, elsewhere's */
export const sharesBar = (shares) =>
  `<span class="shares" aria-hidden="true">${["query", "local", "global"].map((hue, i) => `<i style="flex:${shares[i]};background:var(--${hue})"></i>`).join("")}</span>`;
