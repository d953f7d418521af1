// What a key means: arrows, and none with Ctrl, Alt or Meta, which belong to the browser.

import { clamp } from "./geometry.js";

/** @typedef {import("./geometry.js").Pair} Pair */
/** @typedef {{ key: string, ctrlKey?: boolean, altKey?: boolean, metaKey?: boolean, shiftKey?: boolean }} Press */

/** @type {Record<string, Pair>} */
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Down and right, or null where it is no plain arrow. @param {Press} event @returns {?Pair} */
export const arrow = (event) => (event.ctrlKey || event.altKey || event.metaKey ? null : (ARROWS[event.key] ?? null));

/** -1 to the left, 1 to the right, else 0. @param {Press} event */
export const sideways = (event) => arrow(event)?.[1] ?? 0;

/** @param {Press} event */
export const chooses = (event) => event.key === "Enter" || event.key === " ";

/**
 * The token that an arrow leads to, or null. far: how many tokens a step is with Shift.
 * @param {Press} event @param {Pair} token @param {Pair} grid @param {Pair} [far] @returns {?Pair}
 */
export function moved(event, [y, x], [h, w], far = [1, 1]) {
  const way = arrow(event);
  const [down, right] = event.shiftKey ? far : [1, 1];
  return way && [clamp(y + way[0] * down, 0, h - 1), clamp(x + way[1] * right, 0, w - 1)];
}
