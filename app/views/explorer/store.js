// What the Explorer knows and what is pointed at; where the keys of a token lie, and what it gives them. Nothing here draws.
// An index of a key counts row by row.

import { cellBox, cellGrid, same, windowOf } from "../../components/js/geometry.js";
import { sheetOf } from "./sheets.js";

/** @typedef {import("../../components/js/geometry.js").Pair} Pair */
/** @typedef {import("../../components/js/geometry.js").Box} Box */
/** @typedef {"local" | "global" | "hops"} Kind */
/** @typedef {Kind | "lost"} MapName "lost": the map of the pooling panel, whose keys are the global ones */
/** @typedef {[number, number, ?number]} Chosen stage, block, head from 1; null for the mean of the heads */
/** @typedef {{ levels: string, shape: Pair, bytes?: Uint8Array }} SmallMaps the mean of the heads, then each head */
/**
 * @typedef {{ stage: number, block: number, heads: number, grid: Pair, global: SmallMaps, cell: number, local?: SmallMaps, window?: Box }}
 * Block
 */
/** @typedef {import("../../components/js/hops.js").Path} Path */
/** @typedef {{ here: Pair, there: Pair, inside: ?Pair, local: number[][] }} Neighbours */
/**
 * As payload.py makes it.
 * @typedef {{ photos: { sharp: string, exact?: string }, title: string, grid: Pair, window: ?Pair, cell: number, token: Pair, home: Pair,
 *   ring: Pair, chosen: Chosen, heads: number, panel: string, sheets: Partial<Record<Kind | "pooling", ?import("./sheets.js").Sent>>,
 *   none: Record<string, string>, over: ?string, pinned: boolean, strip: ?Block[], frames: ?import("../../components/js/hops.js").Frames,
 *   seam: ?{ pair: Neighbours, html: string }, prediction: string, turn: number, offline?: string[] }} Data
 */
/**
 * A token's row. spread: bits; distance: mean, in tokens; most: the largest weight, of key `at`; inside: of two hops, the share that is read
 * in the window. @typedef {{ token: Pair, levels: Uint8Array, spread: number, distance: number, most: number, at: number, inside?: number }} Row
 */
/** @typedef {{ kind: MapName, index: number } | { kind: "path", path: Path }} Pointed */
/**
 * What the parts of the Explorer may do. tell: the server, of a change. theme: a colour of the page's theme.
 * @typedef {{ tell: (change: Record<string, unknown>) => void, choose: (token: Pair) => void, paint: () => void, theme: (name: string) => string }} Actions
 */

export const KINDS = /** @type {const} */ (["local", "global", "hops"]);
export const NAMES = { local: "Local", global: "Global", hops: "Two hops" };

export class Store {
  /** @type {Data} */
  data = /** @type {any} */ (null); // until the first data come
  /** May be ahead of data.token while the server answers. @type {Pair} */
  token = [0, 0];
  panel = "maps";
  /** A token that is pointed at on the photograph. @type {?Pair} */
  hover = null;
  /** A key that is pointed at in a map. @type {?Pointed} */
  pointed = null;
  /** The cell that was clicked in the pooling panel. @type {?number} */
  held = null;
  /** Where the local map was drawn a second time. @type {?Box} */
  enlarged = null;
  /** @type {?HTMLCanvasElement} */
  grey = null;

  /** @param {HTMLImageElement} photo */
  constructor(photo) {
    this.photo = photo;
  }

  get active() {
    return this.hover ?? this.token;
  }

  /** @param {Pair} token */
  number([y, x]) {
    return y * this.data.grid[1] + x;
  }

  /** A token's window; null in a stage without. @param {Pair} token @returns {?Box} */
  window(token) {
    return this.data.window && windowOf(token, this.data.window, this.data.grid);
  }

  /** Rows and columns of all pooled cells. */
  get cells() {
    return cellGrid(this.data.cell, this.data.grid);
  }

  /** A cell's tokens. @param {number} index */
  cell(index) {
    return cellBox(index, this.data.cell, this.data.grid);
  }

  /** How many keys stand in a line of a map. @param {MapName} kind */
  across(kind) {
    return kind === "hops" ? this.data.grid[1] : kind === "local" ? (this.data.window?.[1] ?? 1) : this.cells[1];
  }

  /** Rows and columns of the keys that there are: a window may be cut off. @param {MapName} kind @param {Pair} token @returns {Pair} */
  shape(kind, token) {
    const window = kind === "local" && this.window(token);
    return window ? [window[2], window[3]] : kind === "hops" ? this.data.grid : this.cells;
  }

  /** The tokens of a key. @param {MapName} kind @param {number} index @param {Pair} token whose key @returns {Box} */
  box(kind, index, token) {
    if (kind === "global" || kind === "lost") return this.cell(index);
    const [top, left] = (kind === "local" && this.window(token)) || [0, 0];
    return [top + Math.floor(index / this.across(kind)), left + (index % this.across(kind)), 1, 1];
  }

  /** The key under a place (y, x, in tokens) of a map; null where there is none. @param {MapName} kind @param {Pair} place */
  keyAt(kind, [y, x]) {
    const { grid, cell } = this.data;
    if (kind === "hops") return Math.floor(y) * grid[1] + Math.floor(x);
    if (kind !== "local") return Math.floor(y / cell) * this.cells[1] + Math.floor(x / cell);
    const row = this.row("local");
    const window = row && this.window(row.token);
    if (!window) return null;
    for (const shown of [this.enlarged, window]) {
      if (!shown) continue;
      const down = Math.floor(((y - shown[0]) / shown[2]) * window[2]);
      const right = Math.floor(((x - shown[1]) / shown[3]) * window[3]);
      if (down >= 0 && right >= 0 && down < window[2] && right < window[3]) return down * this.across("local") + right;
    }
    return null;
  }

  /**
   * The row of the token that is pointed at where the browser has it, else the pinned one's; null while it has neither.
   * @param {Kind} kind @returns {?Row}
   */
  row(kind) {
    const sheet = sheetOf(this.data.sheets[kind]);
    if (!sheet) return null;
    for (const token of [this.active, this.token, this.data.token]) {
      const number = this.number(token);
      if (sheet.only !== null && sheet.only !== number) continue;
      const i = sheet.only === null ? number : 0;
      const [spread, distance, most, at] = sheet.told.subarray(4 * i, 4 * i + 4);
      const levels = sheet.levels.subarray(i * sheet.keys, (i + 1) * sheet.keys);
      return { token, levels, spread, distance, most, at, inside: sheet.inside?.[i] };
    }
    return null;
  }

  /** Whether a row is of the token that is looked at now. @param {Row} row */
  isNow(row) {
    return same(row.token, this.active);
  }

  /** @param {MapName} kind */
  strongest(kind) {
    return kind === "lost" ? this.chosenCell : (this.row(kind)?.at ?? null);
  }

  /** The cell of the pooling panel: pointed at, else held, else the strongest. @returns {?number} */
  get chosenCell() {
    return this.pointedAt("lost") ?? this.held ?? this.row("global")?.at ?? null;
  }

  /** The key that is pointed at in a map. @param {MapName} kind @returns {?number} */
  pointedAt(kind) {
    return this.pointed && this.pointed.kind !== "path" && this.pointed.kind === kind ? this.pointed.index : null;
  }

  /** The path that is pointed at. */
  get pointedPath() {
    return this.pointed?.kind === "path" ? this.pointed.path : null;
  }
}

/** @param {Row} row @param {number} index */
export const weightOf = (row, index) => (row.levels[index] / 255) * row.most;
