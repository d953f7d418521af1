// One map on the photograph, or on a part of it, as many as a page likes. Pointing at a square of one shows the same square, and its number,
// in all of its group.

import { fill, greyOf, photograph, surface, WHITE, whole } from "./js/canvas.js";
import { onRamp } from "./js/colours.js";
import { clamp, fractions, parts, placeIn, rectOf } from "./js/geometry.js";
import { chooses, moved } from "./js/keyboard.js";
import { frame, ring } from "./js/marks.js";
import { PALETTE } from "./js/palette.js";
import { attach, find, findCanvas, sourceOf, watch } from "./js/view.js";
import { minus, rowAndColumn } from "./js/words.js";

/** @typedef {import("./js/geometry.js").Box} Box */
/** @typedef {import("./js/geometry.js").Pair} Pair */
/**
 * As app/ui/tiles.py describes it.
 * @typedef {{ photo: string, alt: string, group: string, enter: string, values: number[][], part: ?Box, most: number, signed: boolean,
 *   ramp: string[], unit: string, digits: number, grey: boolean, boxes: Box[], edge: string, ring: ?Pair }} Data
 */

const SAME = "hatnet-same-place";

/** @param {import("./js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".tile", start);
}

/** @param {HTMLElement} root @param {(picked: unknown) => void} send @returns {import("./js/view.js").View} */
function start(root, send) {
  const picture = find(root, ".frame");
  const tip = find(root, ".tip");
  const photo = new Image();
  /** @type {?HTMLCanvasElement} */
  let grey = null;
  /** @type {Data} */
  let data;
  /** @type {?Pair} */
  let place = null; // fractions of the picture: what is pointed at here or in another map of the group

  photo.onload = () => {
    grey = data.grey ? greyOf(photo) : null;
    draw();
  };
  const unwatch = watch(picture, draw);

  /** @returns {Pair} */
  const shape = () => [data.values.length, data.values[0].length];
  /** What is drawn of the map: all of it, or a part. @returns {Box} */
  const part = () => data.part ?? [0, 0, ...shape()];
  /** The square that is pointed at, if it is drawn here. @returns {?Pair} */
  function pointed() {
    if (!place) return null;
    const [row, column] = [Math.floor(place[0] * shape()[0]), Math.floor(place[1] * shape()[1])];
    const [top, left, tall, wide] = part();
    return row >= top && row < top + tall && column >= left && column < left + wide ? [row, column] : null;
  }
  /** The middle of a square, as fractions of the picture. @param {Pair} square @returns {Pair} */
  const middleOf = ([row, column]) => [(row + 0.5) / shape()[0], (column + 0.5) / shape()[1]];

  function say() {
    const at = pointed();
    const value = at && data.values[at[0]][at[1]];
    const number = minus(`${data.signed && Number(value) > 0 ? "+" : ""}${value?.toFixed(data.digits)}`);
    tip.textContent = at ? `${rowAndColumn(at)}: ${number} ${data.unit}` : "";
    tip.classList.toggle("high", Boolean(place && place[0] > 0.72)); // never over what it speaks of
  }

  /** @param {?Pair} next */
  const point = (next) => dispatchEvent(new CustomEvent(SAME, { detail: { group: data.group, place: next } }));

  /** @param {Event} event */
  function follow(event) {
    const { group, place: next } = /** @type {CustomEvent} */ (event).detail;
    if (!data || group !== data.group) return;
    place = next;
    say();
    draw();
  }
  addEventListener(SAME, follow);

  /** @param {Pair} where */
  const choose = ([y, x]) => send({ y, x, turn: Date.now() }); // the same square again is another choice
  /** @param {MouseEvent} event @returns {Pair} */
  function at(event) {
    const [top, left, tall, wide] = fractions(part(), shape());
    const [y, x] = placeIn(event, picture.getBoundingClientRect(), [tall, wide]);
    return [top + y, left + x];
  }

  picture.onclick = (event) => choose(at(event));
  picture.onpointermove = (event) => event.pointerType === "mouse" && point(at(event));
  picture.onpointerleave = picture.onblur = () => point(null);
  picture.onkeydown = (event) => {
    if (event.key === "Escape") return point(null);
    const [top, left, rows, columns] = part();
    /** @type {Pair} */
    const centre = data.ring ? [Math.floor(data.ring[0]), Math.floor(data.ring[1])] : [top + (rows >> 1), left + (columns >> 1)];
    const from = pointed() ?? centre;
    const next = moved(event, [from[0] - top, from[1] - left], [rows, columns]);
    if (!next && !chooses(event)) return;
    event.preventDefault(); // the page must not scroll
    if (next) point(middleOf([top + next[0], left + next[1]]));
    else choose(middleOf(from));
  };

  function draw() {
    const width = picture.clientWidth;
    if (!data || !width) return;
    const s = surface(findCanvas(picture), width);
    const [top, left, rows, columns] = part();
    const step = width / columns;
    /** @param {Box} box */
    const drawnAt = ([y, x, h, w]) => rectOf([y - top, x - left, h, w], step);
    photograph(s, data.grey ? grey : photo, fractions(part(), shape()));
    const low = data.signed ? -data.most : 0;
    const values = data.values.slice(top, top + rows).flatMap((row) => row.slice(left, left + columns));
    fill(s, parts(whole(s), [rows, columns]), (i) => onRamp(data.ramp, (values[i] - low) / (data.most - low || 1)));
    for (const box of data.boxes) frame(s, drawnAt(box), data.edge, { line: data.boxes.length > 1 ? 0.5 : 1.5, edge: null });
    if (data.ring) ring(s, [(data.ring[1] - left) * step, (data.ring[0] - top) * step], clamp(0.035 * width, 5, 10));
    const marked = pointed();
    if (marked) frame(s, drawnAt([...marked, 1, 1]), WHITE, { line: 2, edge: PALETTE.ink });
  }

  return {
    receive(/** @type {Data} */ fresh) {
      const other = data?.photo !== fresh.photo;
      data = fresh;
      if (other) photo.src = sourceOf(fresh.photo);
      picture.setAttribute("aria-label", `${data.alt} Arrow keys read it square by square. Enter ${data.enter}.`);
      picture.dataset.shown = digest(data.values); // for tests: what is on the canvas
      say();
      draw();
    },
    stop() {
      unwatch();
      removeEventListener(SAME, follow);
    },
  };
}

/** @param {number[][]} values */
const digest = (values) => String([...JSON.stringify(values)].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 7));
