// The photograph under its grid of tokens: what the selected token reads is framed, and another token can be chosen.

import { photograph } from "./canvas.js";
import { besideRect, rectOf, same, tokenAt } from "./geometry.js";
import { moved } from "./keyboard.js";
import { crosshair, frame, gridLines, hoverRing, inkOn, label, labelSize, ring } from "./marks.js";
import { rowAndColumn } from "./words.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Pair} Pair */
/** @typedef {import("./geometry.js").Rect} Rect */
/** @typedef {{ box: Box, line: string, ground?: string, text?: string }} Framed ground: of its label */

/**
 * What a frame with a canvas in it reports: a token that is pointed at (null: none any more), and one that is chosen.
 * @param {HTMLElement} element
 * @param {{ grid: () => Pair, token: () => Pair, window: () => ?Pair, point: (token: ?Pair) => void, choose: (token: Pair) => void, escape: () => void }} reports
 */
export function chooseTokens(element, { grid, token, window, point, choose, escape }) {
  element.onclick = (event) => choose(tokenAt(event, element, grid()));
  element.onpointermove = (event) => {
    if (event.pointerType === "mouse") point(tokenAt(event, element, grid())); // a finger that scrolls previews nothing
  };
  element.onpointerleave = () => point(null);
  element.onkeydown = (event) => {
    if (event.key === "Escape") return escape();
    const next = moved(event, token(), grid(), window() ?? undefined);
    if (!next) return;
    event.preventDefault(); // the page must not scroll
    choose(next);
  };
}

/** @param {string} title @param {Pair} grid @param {?Pair} window @param {Pair} token */
export const describePhoto = (title, [h, w], window, token) =>
  `${title} under a grid of ${h} by ${w} tokens. The selected token is in ${rowAndColumn(token)}. Arrow keys move one token.` +
  (window ? " Shift and an arrow move one window." : "");

/** @param {Pair} token @param {Pair} grid */
export const placeInWords = (token, [h, w]) => `${rowAndColumn(token).replace("row", "Row")} of ${h} × ${w}`;

/**
 * The frames of what a token reads, as the theme colours them.
 * @param {(name: string) => string} theme @param {?Box} window @param {?Box} cell its strongest
 * @param {number} side the cell's, in tokens @returns {Framed[]}
 */
export function readFrames(theme, window, cell, side) {
  /** @type {Framed[]} */
  const frames = [];
  if (window) frames.push({ box: window, line: theme("local"), ground: theme("local-text"), text: "local window" });
  const text = side > 1 ? "strongest global cell" : "strongest key";
  if (cell) frames.push({ box: cell, line: theme("global"), ground: theme("global-text"), text });
  return frames;
}

/**
 * @param {import("./canvas.js").Surface} s
 * @param {{ photo: HTMLImageElement, grid: Pair, window: ?Pair, token: Pair, hover: ?Pair, frames: Framed[], query: string }} shown query: the ring's colour
 */
export function drawTokenPhoto(s, { photo, grid, window, token, hover, frames, query }) {
  const step = s.width / grid[1];
  photograph(s, photo);
  if (step >= 5) gridLines(s, grid, 1, "rgba(255,255,255,0.16)");
  if (window) gridLines(s, grid, window[0], "rgba(255,255,255,0.62)");
  /** @param {Pair} at @returns {Pair} */
  const spot = ([y, x]) => [(x + 0.5) * step, (y + 0.5) * step];
  const cross = spot(hover ?? token);
  crosshair(s, ...cross, query);
  const drawn = frames.map((one) => ({ ...one, rect: rectOf(one.box, step) }));
  for (const { rect, line } of drawn) frame(s, rect, line);
  if (hover && !same(hover, token)) hoverRing(s, cross);
  const [x, y] = spot(token);
  const taken = [{ x: x - 14, y: y - 14, w: 28, h: 28 }];
  for (const { rect, text, ground = "", box } of drawn) {
    if (!text) continue;
    const others = drawn.filter((one) => one.text && one.box !== box).map((one) => one.rect);
    const place = besideRect(labelSize(s, text), rect, [...others, ...taken], cross, [s.width, s.height]);
    label(s, text, place, ground, inkOn(ground));
    taken.push(place);
  }
  ring(s, [x, y], 10, { colour: query });
}
