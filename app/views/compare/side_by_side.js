// Ten maps of one token on the photograph: five mechanisms, each after one layer and after two. The photograph is bare where the token has
// read much. A second token, the diamond, is moved by mouse, touch or keys; after how many layers it is read, the browser knows by itself.

import { bytes } from "../../components/js/bytes.js";
import { photograph, surface, uncover, WHITE } from "../../components/js/canvas.js";
import { inside, rectOf, same, tokenAt } from "../../components/js/geometry.js";
import { moved } from "../../components/js/keyboard.js";
import { frame, hoverRing, ring, sign } from "../../components/js/marks.js";
import { turns } from "../../components/js/turns.js";
import { attach, find, findCanvas, make, setHtml, setLabel, setText, sourceOf, watch } from "../../components/js/view.js";
import { plainText, rowAndColumn } from "../../components/js/words.js";
import { after, box, until } from "./reached.js";

/** @typedef {import("../../components/js/geometry.js").Pair} Pair */
/** @typedef {import("./reached.js").Reached} Reached */
/**
 * levels: after one layer and after two, base64, one byte for each token: 255 is `full` times an even share or more; null, with `why`, where
 * there is no such model. most: the tokens that are read most. facts: HTML, a name and a value in a row.
 * @typedef {Reached & { name: string, reads: string, levels: ?[string, string], why: string, most: [Pair, Pair], facts: [string, string][] }} Mechanism
 * @typedef {{ photo: string, title: string, grid: Pair, token: Pair, pair: Pair, window: Pair, full: number, mechanisms: Mechanism[], turn: number }} Data
 */

/** @param {import("../../components/js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".five", start);
}

const LAYERS = ["After one layer", "After two layers"];

/** @param {HTMLElement} root @param {(picked: unknown) => void} send @returns {import("../../components/js/view.js").View} */
function start(root, send) {
  const maps = find(root, ".maps");
  const photo = new Image();
  const server = turns(send);
  /** @type {Data} */
  let data;
  /** @type {{ token: Pair, pair: Pair }} */
  let at; // may be ahead of data while the server answers
  /** @type {?Pair} */
  let hover = null;
  let dragging = false;
  /** @type {Uint8Array[][]} */
  let levels = [];

  photo.onload = draw;
  const unwatch = watch(maps, draw);
  /** @returns {"token" | "pair"} what a click and the arrow keys move */
  const which = () => (/** @type {HTMLInputElement} */ (find(root, "input[value=pair]")).checked ? "pair" : "token");
  for (const input of root.querySelectorAll("input")) input.onchange = draw;

  /** @param {Pair} token @returns {Pair} its place */
  const place = ([y, x]) => [(y + 0.5) / data.grid[0], (x + 0.5) / data.grid[1]];
  /** @param {"token" | "pair"} what @param {Pair} next @param {boolean} [tell] whether the server is to know */
  function move(what, next, tell = true) {
    at[what] = next;
    if (tell) server.ask(what === "token" ? { place: place(next) } : { pair: place(next) });
    draw();
  }

  /** @param {HTMLElement} map */
  function follow(map) {
    const token = (/** @type {MouseEvent} */ event) => tokenAt(event, map, data.grid);
    let dragged = false;
    map.onpointerdown = (event) => {
      const [y, x] = token(event);
      const room = Math.max(1, Math.round(0.05 * data.grid[0]));
      dragged = false;
      dragging = event.pointerType === "mouse" && Math.abs(y - at.pair[0]) <= room && Math.abs(x - at.pair[1]) <= room;
      if (dragging) map.setPointerCapture(event.pointerId);
    };
    map.onpointermove = (event) => {
      const next = token(event);
      if (dragging && !same(next, at.pair)) {
        dragged = true;
        move("pair", next, false);
      } else if (!dragging && event.pointerType === "mouse" && !same(next, hover)) {
        hover = next;
        draw();
      }
    };
    map.onpointerup = map.onpointercancel = () => {
      if (dragging && dragged) move("pair", at.pair);
      dragging = false;
    };
    map.onpointerleave = () => {
      hover = null;
      draw();
    };
    map.onclick = (event) => {
      if (!dragged && !same(token(event), at[which()])) move(which(), token(event));
      dragged = false;
    };
  }

  maps.onkeydown = (event) => {
    const next = moved(event, at[which()], data.grid, data.window);
    if (!next) return;
    event.preventDefault(); // the page must not scroll
    if (!same(next, at[which()])) move(which(), next);
  };

  function build() {
    maps.replaceChildren(
      ...data.mechanisms.map(() => {
        const figure = make("figure", "", '<figcaption><b></b><small></small></figcaption><p class="nothing" hidden></p>');
        for (const name of LAYERS) {
          const map = make("div", "map", `<canvas></canvas><span class="layer" aria-hidden="true">${name}</span><span class="tip"></span>`);
          map.setAttribute("role", "img");
          follow(map);
          figure.append(map);
        }
        figure.append(make("p", "until"), make("dl"));
        return figure;
      }),
    );
  }

  /** @param {Mechanism} one @returns {string} HTML */
  function untilWords(one) {
    if (same(at.token, at.pair)) return "the same token";
    const n = until(one, at.pair);
    return n ? `<b>${n} layer${n > 1 ? "s" : ""}</b> to ◇` : "<b>never</b> to ◇";
  }

  function draw() {
    if (!data || !maps.clientWidth) return;
    const { grid } = data;
    data.mechanisms.forEach((one, index) => {
      const figure = /** @type {HTMLElement} */ (maps.children[index]);
      setText(find(figure, "b"), one.name);
      setHtml(find(figure, "small"), one.reads);
      setHtml(find(figure, ".until"), untilWords(one));
      setHtml(find(figure, "dl"), one.facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join(""));
      const nothing = find(figure, ".nothing");
      nothing.hidden = Boolean(one.levels);
      setHtml(nothing, one.why);
      figure.querySelectorAll(".map").forEach((element, layer) => {
        const map = /** @type {HTMLElement} */ (element);
        map.hidden = !one.levels;
        if (one.levels) drawMap(map, one, levels[index][layer], layer);
      });
    });
    const what = which() === "token" ? "ring" : "diamond";
    const places = `The ring, the token that reads, is in ${rowAndColumn(at.token)}; the diamond in ${rowAndColumn(at.pair)}.`;
    setLabel(maps, `${data.title} read in five ways, ${grid[0]} by ${grid[1]} tokens. ${places} Arrow keys move the ${what}.`);
    maps.dataset.token = String(data.token); // for tests and for people who look: what is on the canvases
    maps.dataset.pair = String(at.pair);
    setText(find(root, ".where"), `${rowAndColumn(at.token).replace("row", "Row")} of ${grid[0]} × ${grid[1]}`);
    const said = data.mechanisms.map((one) => `${one.name}: ${plainText(untilWords(one)).replace("◇", "the diamond")}`);
    setText(find(root, ".aloud"), said.join("; "));
  }

  /** @param {HTMLElement} map @param {Mechanism} one @param {Uint8Array} level @param {number} layer 0 or 1 */
  function drawMap(map, one, level, layer) {
    const { grid, full } = data;
    const width = map.clientWidth;
    const step = width / grid[1];
    const s = surface(findCanvas(map), width, (width * grid[0]) / grid[1]);
    /** @param {Pair} token @returns {Pair} */
    const spot = ([y, x]) => [(x + 0.5) * step, (y + 0.5) * step];
    photograph(s, photo);
    uncover(s, Array.from(level, (value) => value / 255), grid);
    const count = after(one, layer + 1);
    if (count < grid[0] * grid[1]) frame(s, rectOf(box(one, layer + 1), step), WHITE, { line: 1.5, edge: null });
    sign(s, spot(at.pair), Math.max(5, 0.03 * width), "diamond");
    ring(s, spot(at.token), Math.max(5, 0.03 * width));
    if (hover && !dragging) hoverRing(s, spot(hover));
    const index = hover ? hover[0] * grid[1] + hover[1] : 0;
    const times = ((full * level[index]) / 255).toFixed(1);
    setText(find(map, ".tip"), !hover || dragging ? "" : level[index] === 255 ? `≥ ${full} ×` : level[index] ? `${times} ×` : "0");
    const most = one.most[layer];
    setLabel(
      map,
      `${one.name}, ${LAYERS[layer].toLowerCase()}: the token in ${rowAndColumn(data.token)} has read ${count} of ${grid[0] * grid[1]} tokens, ` +
        `most in ${rowAndColumn(most)}. The diamond in ${rowAndColumn(at.pair)} is ${until(one, at.pair) && until(one, at.pair) <= layer + 1 ? "" : "not "}among them.`,
    );
  }

  return {
    receive(/** @type {Data} */ fresh) {
      const other = data?.photo !== fresh.photo;
      const grown = data?.mechanisms.length !== fresh.mechanisms.length;
      const known = server.receive(fresh.turn);
      data = fresh;
      levels = fresh.mechanisms.map((one) => (one.levels ?? []).map(bytes));
      if (known || !at || !inside(at.token, data.grid) || !inside(at.pair, data.grid)) at = { token: fresh.token, pair: fresh.pair };
      if (other) photo.src = sourceOf(fresh.photo);
      if (grown) build();
      draw();
    },
    stop() {
      unwatch();
      server.stop();
    },
  };
}
