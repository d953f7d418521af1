// A canvas and what lies at the bottom of it: a photograph, in colour or grey, under a veil, under the colours of weights.
// All lengths are CSS pixels.

import { css, onRamp } from "./colours.js";
import { PALETTE } from "./palette.js";

/** @typedef {import("./geometry.js").Rect} Rect */
/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Pair} Pair */
/** @typedef {HTMLImageElement | HTMLCanvasElement} Photo */
/** @typedef {{ c: CanvasRenderingContext2D, width: number, height: number, dense: number }} Surface dense: pixels of a CSS pixel */

export const WHITE = "#fff";
export const GROUND = "#1b1b1b"; // where there is no photograph yet

/**
 * A canvas made ready to draw on, and empty.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} [height] @returns {Surface}
 */
export function surface(canvas, width, height = width) {
  const dense = Math.min(devicePixelRatio || 1, 3);
  const [across, down] = [Math.round(width * dense), Math.round(height * dense)];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  c.setTransform(dense, 0, 0, dense, 0, 0);
  c.clearRect(0, 0, width, height);
  return { c, width, height, dense };
}

/** @param {Surface} s @returns {Rect} */
export const whole = ({ width, height }) => ({ x: 0, y: 0, w: width, h: height });

/** @param {Photo} photo @returns {Pair} width and height in its own pixels; 0 while it is not loaded */
const sizeOf = (photo) => ("naturalWidth" in photo ? [photo.naturalWidth, photo.naturalHeight] : [photo.width, photo.height]);

/**
 * A photograph, or the part of it that `crop` says (in fractions), in a rectangle; dark ground while there is none.
 * @param {Surface} s @param {?Photo} photo @param {Box} [crop] @param {Rect} [rect]
 */
export function photograph(s, photo, [top, left, tall, wide] = [0, 0, 1, 1], { x, y, w, h } = whole(s)) {
  const { c } = s;
  const [across, down] = photo ? sizeOf(photo) : [0, 0];
  if (!photo || !across) {
    c.fillStyle = GROUND;
    return c.fillRect(x, y, w, h);
  }
  c.imageSmoothingEnabled = across >= 100; // what the model sees has hard pixels
  c.drawImage(photo, left * across, top * down, wide * across, tall * down, x, y, w, h);
}

/** The ground of all maps: a loaded photograph in grey, under 52 % black. @param {HTMLImageElement} photo */
export function greyOf(photo) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = sizeOf(photo);
  const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  c.drawImage(photo, 0, 0);
  const pixels = c.getImageData(0, 0, canvas.width, canvas.height);
  const d = pixels.data;
  for (let i = 0; i < d.length; i += 4) d[i] = d[i + 1] = d[i + 2] = 0.48 * (0.299 * d[i] + 0.587 * d[i + 1] + 0.114 * d[i + 2]);
  c.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * Rectangles in colours, from edge to edge of real pixels, so that no seams show.
 * @param {Surface} s @param {Rect[]} rects @param {(index: number) => string} colour @param {number} [gap]
 */
export function fill({ c, dense }, rects, colour, gap = 0) {
  /** @param {number} value */
  const snap = (value) => Math.round(value * dense) / dense;
  rects.forEach(({ x, y, w, h }, index) => {
    const [left, top] = [snap(x), snap(y)];
    c.fillStyle = colour(index);
    c.fillRect(left, top, Math.max(snap(x + w) - left - gap, 0), Math.max(snap(y + h) - top - gap, 0));
  });
}

/**
 * Weights in the colours of a ramp; cells apart from each other where there is room.
 * @param {Surface} s @param {Rect[]} rects @param {ArrayLike<number>} levels 0..1 of the largest @param {string[]} ramp
 */
export const heat = (s, rects, levels, ramp) => fill(s, rects, (i) => onRamp(ramp, levels[i]), rects[0].w >= 9 ? 1 : 0);

/** The veil's colour. @param {number} opacity */
export const veil = (opacity) => css(PALETTE.veil[0], opacity);

/** A veil over all but a hole. @param {Surface} s @param {Rect} hole @param {number} opacity */
export function dimAround({ c, width, height }, hole, opacity) {
  c.fillStyle = veil(opacity);
  c.beginPath();
  c.rect(0, 0, width, height);
  c.rect(hole.x, hole.y, hole.w, hole.h);
  c.fill("evenodd");
}

/** @type {?HTMLCanvasElement} */
let screen = null;

/**
 * A veil over the photograph that the tokens' levels lift.
 * @param {Surface} s @param {ArrayLike<number>} levels 0..1, row by row @param {Pair} grid
 */
export function uncover({ c, width, height }, levels, [h, w]) {
  screen ??= document.createElement("canvas"); // one pixel a token: a large map has thousands
  [screen.width, screen.height] = [w, h];
  const small = /** @type {CanvasRenderingContext2D} */ (screen.getContext("2d"));
  const pixels = small.createImageData(w, h);
  const [colour, opacity] = PALETTE.veil;
  for (let i = 0; i < levels.length; i++) {
    pixels.data.set(colour, 4 * i);
    pixels.data[4 * i + 3] = 255 * opacity * (1 - Math.min(1, levels[i]));
  }
  small.putImageData(pixels, 0, 0);
  c.imageSmoothingEnabled = false;
  c.drawImage(screen, 0, 0, width, height);
}
