// The photograph of the Explorer: what the token reads, or what is pointed at in a map, lights up on it.

import { greyOf, surface, WHITE } from "../../components/js/canvas.js";
import { same } from "../../components/js/geometry.js";
import { PALETTE } from "../../components/js/palette.js";
import { chooseTokens, describePhoto, drawTokenPhoto, placeInWords, readFrames } from "../../components/js/token_photo.js";
import { find, findCanvas, setLabel, setText, sourceOf } from "../../components/js/view.js";
import { percent } from "../../components/js/words.js";
import { weightOf } from "./store.js";

/** @typedef {import("../../components/js/token_photo.js").Framed} Framed */

/** @param {HTMLElement} root @param {import("./store.js").Store} store @param {import("./store.js").Actions} actions */
export function photo(root, store, { choose, paint, theme }) {
  const frame = find(root, ".frame");
  let exact = false;

  store.photo.onload = () => {
    store.grey = greyOf(store.photo);
    paint();
  };

  function load() {
    const { sharp, exact: pixels } = store.data.photos;
    const source = sourceOf((exact && pixels) || sharp);
    if (source && store.photo.src !== source) store.photo.src = source;
  }

  chooseTokens(frame, {
    grid: () => store.data.grid,
    token: () => store.token,
    window: () => store.data.window,
    point(token) {
      if (same(token, store.hover)) return;
      store.hover = token;
      paint();
    },
    choose(token) {
      store.hover = null;
      choose(token);
    },
    escape() {
      store.hover = store.pointed = store.held = null;
      choose(store.data.home);
    },
  });

  function build() {
    const { data } = store;
    const box = find(root, ".exact");
    box.hidden = !data.photos.exact;
    find(box, "input").onchange = (event) => {
      exact = /** @type {HTMLInputElement} */ (event.target).checked;
      load();
    };
    const over = find(root, ".over");
    over.hidden = !data.over;
    over.textContent = data.over ?? "";
  }

  /** What a key or path that is pointed at lights. @returns {Framed[]} */
  function lit() {
    const { pointed } = store;
    if (!pointed) return [];
    if (pointed.kind === "path") {
      const { source, cell, near, far } = pointed.path;
      return [
        { ...hue("global"), box: store.cell(cell[0] * store.cells[1] + cell[1]), text: `cell, ${percent(far)}` },
        { ...hue("local"), box: [...source, 1, 1], text: `source, ${percent(near)}` },
      ];
    }
    if (pointed.kind === "lost") return [{ ...hue("global"), box: store.cell(pointed.index), text: "this cell" }];
    const row = store.row(pointed.kind);
    const text = row && percent(weightOf(row, pointed.index));
    return row && text ? [{ ...hue(pointed.kind), box: store.box(pointed.kind, pointed.index, row.token), text }] : [];
  }

  /** @param {import("./store.js").Kind} kind */
  const hue = (kind) => (kind === "hops" ? { line: WHITE, ground: PALETTE.ink } : { line: theme(kind), ground: theme(`${kind}-text`) });

  function draw() {
    const width = frame.clientWidth;
    if (!width) return;
    const { grid, window, cell, title } = store.data;
    const { token, hover, active } = store;
    const own = store.window(active);
    const far = store.row("global");
    const shown = lit();
    const read = readFrames(theme, own, far && store.isNow(far) ? store.cell(far.at) : null, cell);
    if (shown.length && own) shown.unshift({ box: own, line: theme("local") });
    const frames = shown.length ? shown : read;
    const s = surface(findCanvas(frame), width, (width * grid[0]) / grid[1]);
    drawTokenPhoto(s, { photo: store.photo, grid, window, token, hover, frames, query: theme("query") });
    setText(find(root, ".where"), placeInWords(active, grid));
    setLabel(frame, `${describePhoto(title, grid, window, token)} Escape goes back.`);
  }

  return { load, build, draw };
}
