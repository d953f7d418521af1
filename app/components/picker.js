// The photograph, its token grid, what the selected token reads, and the choice of another token.

import { surface } from "./js/canvas.js";
import { themeOf } from "./js/colours.js";
import { cellBox, inside, same, windowOf } from "./js/geometry.js";
import { chooseTokens, describePhoto, drawTokenPhoto, placeInWords, readFrames } from "./js/token_photo.js";
import { turns } from "./js/turns.js";
import { attach, find, findCanvas, setLabel, setText, sourceOf, watch } from "./js/view.js";

/** @typedef {import("./js/geometry.js").Pair} Pair */
/**
 * strongest: for each token, row by row, the index of its strongest pooled cell; or that of the selected token alone.
 * @typedef {{ photo: string, title: string, grid: Pair, token: Pair, g1: ?number, cell: number, strongest: number[] | number, turn: number }} Data
 */

/** @param {import("./js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".picker", start);
}

/** @param {HTMLElement} root @param {(picked: unknown) => void} send @returns {import("./js/view.js").View} */
function start(root, send) {
  const frame = find(root, ".frame");
  const photo = new Image();
  const theme = themeOf(root);
  const server = turns(send);
  /** @type {Data} */
  let data;
  /** @type {Pair} */
  let token; // may be ahead of data.token while the server answers
  /** @type {?Pair} */
  let hover = null;

  photo.onload = draw;
  const unwatch = watch(frame, draw);
  /** @returns {?Pair} */
  const window = () => (data.g1 ? [data.g1, data.g1] : null);

  chooseTokens(frame, {
    grid: () => data.grid,
    token: () => token,
    window,
    point(next) {
      if (same(next, hover)) return;
      hover = next;
      draw();
    },
    choose(next) {
      hover = null;
      if (!same(next, token)) {
        token = next;
        server.ask({ y: token[0], x: token[1] });
      }
      draw();
    },
    escape() {
      hover = null;
      draw();
    },
  });

  /** The strongest cell of a token, where the browser knows it. @param {Pair} at */
  function strongest(at) {
    const { grid, cell } = data;
    if (Array.isArray(data.strongest)) return cellBox(data.strongest[at[0] * grid[1] + at[1]], cell, grid);
    return same(at, data.token) ? cellBox(data.strongest, cell, grid) : null;
  }

  function draw() {
    const width = frame.clientWidth;
    if (!data || !width) return;
    const { grid, cell } = data;
    const active = hover ?? token;
    const g1 = window();
    const frames = readFrames(theme, g1 && windowOf(active, g1, grid), strongest(active), cell);
    const s = surface(findCanvas(frame), width, (width * grid[0]) / grid[1]);
    drawTokenPhoto(s, { photo, grid, window: g1, token, hover, frames, query: theme("query") });
    setText(find(root, ".where"), placeInWords(active, grid));
    setLabel(frame, describePhoto(data.title, grid, g1, token));
    frame.dataset.token = String(token); // for tests and for people who look: what is on the canvas
  }

  return {
    receive(/** @type {Data} */ fresh) {
      if (data?.photo !== fresh.photo) photo.src = sourceOf(fresh.photo);
      if (data && !same(data.grid, fresh.grid)) hover = null;
      data = fresh;
      if (server.receive(fresh.turn) || !token || !inside(token, data.grid)) token = fresh.token;
      draw();
    },
    stop() {
      unwatch();
      server.stop();
    },
  };
}
