// Tokens, windows, cells, boxes and places: arithmetic alone. A box is in tokens, a rectangle in CSS pixels.

/** @typedef {[number, number]} Pair y and x; or rows and columns; or height and width */
/** @typedef {[number, number, number, number]} Box top, left, height, width */
/** @typedef {{ x: number, y: number, w: number, h: number }} Rect */

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Whether two tokens are one, or two grids alike. @param {?Pair | undefined} a @param {?Pair | undefined} b */
export const same = (a, b) => String(a) === String(b);

/** @param {Pair} token @param {Pair} grid */
export const inside = ([y, x], [h, w]) => y < h && x < w;

/**
 * Where an event lies on an element, in units of which it is `grid` high and wide; always less than those.
 * @param {{ clientX: number, clientY: number }} event @param {{ left: number, top: number, width: number, height: number }} frame
 * @param {Pair} grid @returns {Pair}
 */
export function placeIn(event, frame, [h, w]) {
  const y = ((event.clientY - frame.top) / frame.height) * h;
  const x = ((event.clientX - frame.left) / frame.width) * w;
  return [clamp(y, 0, h * (1 - 1e-9)), clamp(x, 0, w * (1 - 1e-9))];
}

/**
 * The square under an event: [row, column] of a grid over the element.
 * @param {{ clientX: number, clientY: number }} event @param {Element} element @param {Pair} grid @returns {Pair}
 */
export function tokenAt(event, element, grid) {
  const [y, x] = placeIn(event, element.getBoundingClientRect(), grid);
  return [Math.floor(y), Math.floor(x)];
}

/** The window of a token, cut off at the map's edge. @param {Pair} token @param {Pair} window @param {Pair} grid @returns {Box} */
export function windowOf([y, x], [i, j], [h, w]) {
  const [top, left] = [Math.floor(y / i) * i, Math.floor(x / j) * j];
  return [top, left, Math.min(i, h - top), Math.min(j, w - left)];
}

/** Rows and columns of pooled cells. @param {number} cell @param {Pair} grid @returns {Pair} */
export const cellGrid = (cell, [h, w]) => [Math.ceil(h / cell), Math.ceil(w / cell)];

/** The tokens of a cell. @param {number} index row by row @param {number} cell @param {Pair} grid @returns {Box} */
export function cellBox(index, cell, [h, w]) {
  const across = Math.ceil(w / cell);
  const [top, left] = [Math.floor(index / across) * cell, (index % across) * cell];
  return [top, left, Math.min(cell, h - top), Math.min(cell, w - left)];
}

/** All cells, row by row. @param {number} cell @param {Pair} grid @returns {Box[]} */
export function cellBoxes(cell, grid) {
  const [down, across] = cellGrid(cell, grid);
  return Array.from({ length: down * across }, (_, index) => cellBox(index, cell, grid));
}

/** The tokens that two boxes share. @param {Box} a @param {Box} b @returns {Box} */
export function common(a, b) {
  const [top, left] = [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  return [top, left, Math.min(a[0] + a[2], b[0] + b[2]) - top, Math.min(a[1] + a[3], b[1] + b[3]) - left];
}

/** The token in the middle of a box. @param {Box} box @returns {Pair} */
export const middle = ([top, left, height, width]) => [top + Math.floor(height / 2), left + Math.floor(width / 2)];

/** step: CSS pixels of a token. @param {Box} box @param {number} step @returns {Rect} */
export const rectOf = ([top, left, height, width], step) => ({ x: left * step, y: top * step, w: width * step, h: height * step });

/** @param {Rect} rect @returns {Pair} its centre, x before y, as canvas wants it */
export const centreOf = ({ x, y, w, h }) => [x + w / 2, y + h / 2];

/** A rectangle cut into equal parts, row by row. @param {Rect} rect @param {Pair} shape @returns {Rect[]} */
export function parts({ x, y, w, h }, [rows, columns]) {
  const [wide, tall] = [w / columns, h / rows];
  return Array.from({ length: rows * columns }, (_, i) => ({
    x: x + (i % columns) * wide,
    y: y + Math.floor(i / columns) * tall,
    w: wide,
    h: tall,
  }));
}

/**
 * A square of `side` tokens round the middle of a box, moved into the map.
 * @param {Box} box @param {number} side @param {Pair} grid @returns {Box}
 */
export function squareAround([top, left, height, width], side, [h, w]) {
  const y = clamp(top + height / 2 - side / 2, 0, Math.max(0, h - side));
  const x = clamp(left + width / 2 - side / 2, 0, Math.max(0, w - side));
  return [y, x, side, side];
}

/** A box as fractions of the map. @param {Box} box @param {Pair} grid @returns {Box} */
export const fractions = ([top, left, height, width], [h, w]) => [top / h, left / w, height / h, width / w];

/**
 * Where a window is drawn enlarged: beside it, in the widest free side; null where it would hardly be larger.
 * @param {Box} window @param {Pair} grid @returns {?Box}
 */
export function enlargedBox([top, left, height, width], [h, w]) {
  const margin = 0.03;
  /** @type {[string, number][]} */
  const free = [["left", left / w], ["right", 1 - (left + width) / w], ["above", top / h], ["below", 1 - (top + height) / h]];
  const [side, room] = free.reduce((best, one) => (one[1] > best[1] ? one : best));
  const factor = Math.min(0.62, room - 2 * margin) / Math.max(height / h, width / w);
  if (factor < 1.3) return null;
  const [tall, wide] = [height * factor, width * factor];
  let y = clamp(top + height / 2 - tall / 2, margin * h, (1 - margin) * h - tall);
  let x = clamp(left + width / 2 - wide / 2, margin * w, (1 - margin) * w - wide);
  if (side === "left") x = margin * w;
  if (side === "right") x = (1 - margin) * w - wide;
  if (side === "above") y = margin * h;
  if (side === "below") y = (1 - margin) * h - tall;
  return [y, x, tall, wide];
}

/** As large as the map, in its middle, and of the window's shape. @param {Box} window @param {Pair} grid @returns {Box} */
export function fittedBox([, , height, width], [h, w]) {
  const factor = Math.min(h / height, w / width);
  return [(h - height * factor) / 2, (w - width * factor) / 2, height * factor, width * factor];
}

/**
 * Two lines from the corners of a rectangle to those of its enlargement.
 * @param {Rect} small @param {Rect} large @returns {Box[]} x, y, x, y
 */
export function connectors(small, large) {
  const [t, l, b, r] = [small.y, small.x, small.y + small.h, small.x + small.w];
  const [et, el, eb, er] = [large.y, large.x, large.y + large.h, large.x + large.w];
  if (er <= l) return [[er, et, l, t], [er, eb, l, b]];
  if (el >= r) return [[el, et, r, t], [el, eb, r, b]];
  if (eb <= t) return [[el, eb, l, t], [er, eb, r, t]];
  return [[el, et, l, b], [er, et, r, b]];
}

/** The area that two rectangles share. @param {Rect} a @param {Rect} b */
export const overlap = (a, b) =>
  Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) * Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));

/**
 * Where a label of w x h stands best: beside a rectangle, where it covers least of what matters.
 * @param {Pair} size w and h @param {Rect} rect @param {Rect[]} avoid @param {Pair} cross x and y of two lines to keep off
 * @param {Pair} within width and height of the picture @returns {Rect}
 */
export function besideRect([w, h], rect, avoid, [crossX, crossY], [width, height]) {
  const gap = 7;
  /** @type {Pair[]} */
  const places = [];
  for (const y of [rect.y, rect.y + rect.h / 2 - h / 2, rect.y + rect.h - h]) places.push([rect.x - w - gap, y], [rect.x + rect.w + gap, y]);
  for (const x of [rect.x, rect.x + rect.w / 2 - w / 2, rect.x + rect.w - w]) places.push([x, rect.y - h - gap], [x, rect.y + rect.h + gap]);
  places.push([rect.x + gap, rect.y + gap]);
  let best = { x: 0, y: 0, w, h };
  let least = Infinity;
  for (const [x, y] of places) {
    const spot = { x: clamp(x, 4, width - w - 4), y: clamp(y, 4, height - h - 4), w, h };
    const roomy = { x: spot.x - 4, y: spot.y - 4, w: w + 8, h: h + 8 };
    let cost = 3 * overlap(spot, rect) + 20 * (Math.abs(spot.x - x) + Math.abs(spot.y - y));
    for (const other of avoid) cost += 6 * overlap(roomy, other);
    cost += overlap(spot, { x: crossX - 3, y: 0, w: 6, h: height }) + overlap(spot, { x: 0, y: crossY - 3, w: width, h: 6 });
    if (cost < least) [best, least] = [spot, cost];
  }
  return best;
}
