// The three maps of the selected token: Local, Global, Two hops. Each knows its own data and its caption.

import { bar, frame, ring } from "../../components/js/marks.js";
import { heat, photograph, surface, uncover, WHITE } from "../../components/js/canvas.js";
import { drawWindow } from "../../components/js/enlarged.js";
import { cellBoxes, centreOf, rectOf } from "../../components/js/geometry.js";
import { PALETTE } from "../../components/js/palette.js";
import { find, findCanvas, isNew, setHtml, setText } from "../../components/js/view.js";
import { percent, rowAndColumn } from "../../components/js/words.js";
import { KINDS, NAMES, weightOf } from "./store.js";
import { most } from "./summary.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./store.js").Row} Row */
/** @typedef {import("./store.js").Kind} Kind */
/** @typedef {import("../../components/js/canvas.js").Surface} Surface */

/** @param {HTMLElement} element @param {number} [ratio] height / width @returns {?Surface} null while it is hidden */
export function surfaceIn(element, ratio = 1) {
  const canvas = findCanvas(element);
  const width = canvas.parentElement?.clientWidth;
  return width ? surface(canvas, width, width * ratio) : null;
}

/**
 * The ring of a map that has its place from the whole picture.
 * @param {Surface} s @param {import("../../components/js/geometry.js").Pair} token @param {number} step
 */
export const mapRing = (s, token, step) => ring(s, centreOf(rectOf([...token, 1, 1], step)), 0.035 * s.width);

/** @param {Surface} s */
export const waitingBar = (s) => bar(s, "Waiting for the weights …");

/** Tell those who cannot see a map what is on it. @param {HTMLElement} map @param {string} text */
export function describe(map, text) {
  if (!isNew(map, text)) return;
  map.setAttribute("role", "application");
  map.setAttribute("aria-roledescription", "map");
  map.setAttribute("aria-label", text);
}

/** @param {HTMLElement} root @param {Store} store @returns {() => void} draws all three */
export function maps(root, store) {
  const figures = { local: find(root, "figure.local"), global: find(root, "figure.global"), hops: find(root, "figure.hops") };

  /** @type {Record<Kind, () => string>} */
  const small = {
    local: () => "its window, in %",
    global: () => `${store.cells[0]} × ${store.cells[1]} ${store.data.cell > 1 ? "cells" : "tokens"}`,
    hops: () => (store.data.pinned ? "selected token" : "what is read"),
  };

  /** @param {Kind} kind @param {?Row} row @param {string} [end] the scale's */
  function caption(kind, row, end = row ? most(store, kind, row) : "") {
    const index = store.pointedAt(kind);
    let said = `<small>${store.data.none[kind] ? "no map" : small[kind]()}</small>${row ? `<span class="scale">0 <i class="ramp of-${kind}"></i> ${end}</span>` : ""}`;
    if (index !== null && row) {
      const box = store.box(kind, index, row.token);
      const cells = kind === "global" && store.data.cell > 1;
      const key = cells ? [box[0] / store.data.cell, box[1] / store.data.cell] : box;
      said = `<small class="said">${cells ? "cell" : ""} ${rowAndColumn(key)}: <b>${percent(weightOf(row, index))}</b></small>`;
    }
    setHtml(find(figures[kind], "figcaption"), `<b class="${kind}">${NAMES[kind]}</b>${said}`);
  }

  /** @param {Kind} kind @param {Row} row @param {ArrayLike<number>} at row and column of the strongest key */
  function describeMap(kind, row, at) {
    const text = `${NAMES[kind]} attention map. The strongest key is ${rowAndColumn(at)}, with ${percent(row.most)}. `;
    describe(find(figures[kind], ".map"), `${text}Arrow keys point at keys, Enter makes one the query.`);
  }

  /** A key that is pointed at. @param {Surface} s @param {"global" | "hops"} kind @param {Row} row @param {number} line */
  function light(s, kind, row, line) {
    const index = store.pointedAt(kind);
    if (index !== null) frame(s, rectOf(store.box(kind, index, row.token), s.width / store.data.grid[1]), WHITE, { line, edge: null });
  }

  /** @type {Record<Kind, (s: Surface, row: Row) => void>} */
  const draw = {
    local(s, row) {
      const window = store.window(row.token);
      if (!window) return;
      const across = store.across("local");
      const levels = Array.from({ length: window[2] * window[3] }, (_, i) => row.levels[Math.floor(i / window[3]) * across + (i % window[3])] / 255);
      const index = store.pointedAt("local");
      const lit = index === null ? null : store.box("local", index, row.token);
      store.enlarged = drawWindow(s, { grey: store.grey, grid: store.data.grid, window, token: row.token, levels, most: row.most, lit });
      caption("local", row);
      describeMap("local", row, store.box("local", row.at, row.token));
    },

    global(s, row) {
      const { grid, cell } = store.data;
      const step = s.width / grid[1];
      photograph(s, store.grey);
      const levels = Array.from(row.levels, (level) => level / 255);
      heat(s, cellBoxes(cell, grid).map((box) => rectOf(box, step)), levels, PALETTE.ramps.global);
      frame(s, rectOf(store.cell(row.at), step), WHITE, { line: 2, edge: null });
      mapRing(s, row.token, step);
      light(s, "global", row, 3);
      caption("global", row);
      describeMap("global", row, [Math.floor(row.at / store.cells[1]), row.at % store.cells[1]]);
    },

    hops(s, row) {
      const { grid } = store.data;
      const full = Math.max(1, row.levels.slice().sort()[Math.floor(0.985 * (row.levels.length - 1))]);
      photograph(s, store.photo);
      uncover(s, Array.from(row.levels, (level) => level / full), grid);
      mapRing(s, row.token, s.width / grid[1]);
      light(s, "hops", row, 2);
      caption("hops", row, `≥ ${percent((full / 255) * row.most)}`);
      describeMap("hops", row, store.box("hops", row.at, row.token));
    },
  };

  return () => {
    const { none, grid } = store.data;
    for (const kind of KINDS) {
      const figure = figures[kind];
      const why = none[kind];
      if (kind !== "global") {
        find(figure, ".map").hidden = Boolean(why);
        find(figure, ".nothing").hidden = !why;
        setText(find(figure, ".nothing"), why ?? "");
      }
      const row = store.row(kind);
      const s = surfaceIn(figure, grid[0] / grid[1]);
      if (why || !row) caption(kind, null);
      if (!s || why) continue;
      if (row) draw[kind](s, row);
      else {
        photograph(s, store.grey);
        waitingBar(s);
      }
    }
  };
}
