// Two hops in frames, and the strongest paths through both steps; the frames show the path that is pointed at.

import { cellBox } from "../../components/js/geometry.js";
import { drawArriving, drawCellTelling, drawTelling } from "../../components/js/hops.js";
import { find, isNew, setHtml, setLabel } from "../../components/js/view.js";
import { percent, plainText, quantity, rowAndColumn } from "../../components/js/words.js";
import { surfaceIn } from "./maps.js";

/** @typedef {import("../../components/js/hops.js").Path} Path */

const FRAMES = ["A token tells its window", "The window’s cell tells me", "All such paths: two hops", "Without local first: one hop"];

/** @param {HTMLElement} root @param {import("./store.js").Store} store @param {import("./store.js").Actions} actions */
export function paths(root, store, { paint }) {
  const section = find(root, ".paths");
  const [row, list] = [find(section, ".frames"), find(section, "ol")];
  row.innerHTML = FRAMES.map(
    (name, i) => `<figure><figcaption><b>${i + 1}</b> ${name}</figcaption><div class="drawn" role="img"><canvas></canvas></div><p class="say"></p></figure>`,
  ).join("");
  const figures = /** @type {HTMLElement[]} */ ([...row.children]);

  function build() {
    const all = store.data.frames?.paths ?? [];
    section.hidden = !all.length || store.panel !== "maps";
    if (!isNew(list, JSON.stringify(all))) return;
    list.innerHTML = all.map(item).join("");
    list.querySelectorAll("li").forEach((line, index) => {
      const on = () => {
        store.pointed = { kind: "path", path: all[index] };
        paint();
      };
      const off = () => {
        store.pointed = null;
        paint();
      };
      Object.assign(line, { onpointerenter: on, onpointerleave: off, onfocus: on, onblur: off });
    });
  }

  /**
   * What each frame shows, in HTML.
   * @param {Path} path @param {number} cell how many tokens it has
   * @param {(name: string, text: string) => string} number HTML of a number that is a quantity of the path shown first
   */
  function words({ source, cell: through, near, far, two, one }, cell, number) {
    const [from, to] = [rowAndColumn(source), rowAndColumn(through)];
    const readers = cell > 1 ? `the ${cell} tokens of cell ${to}` : `token ${to}`;
    return [
      `In their windows, ${readers} read token <b>${from}</b>, with <b class="local">${number("path-near", percent(near))}</b>${cell > 1 ? " on average" : ""}.`,
      `The selected token in ${rowAndColumn(store.data.token)} reads that cell with <b class="global">${number("path-far", percent(far))}</b>.`,
      `All paths together bring <b>${number("path-two", percent(two))}</b> of the output from token ${from}.`,
      `If the cells averaged X, before the tokens read: <b>${number("path-one", percent(one))}</b> from token ${from}.`,
    ];
  }

  function draw() {
    const { frames, grid, window, cell, token } = store.data;
    const first = frames?.paths[frames.shown ?? 0];
    const path = store.pointedPath ?? first;
    if (section.hidden || !frames || !path || !window) return;
    const scene = { photo: store.photo, grey: store.grey, grid, window, cell, token };
    const [, , height, width] = cellBox(path.cell[0] * store.cells[1] + path.cell[1], cell, grid);
    const said = words(path, height * width, path === first ? quantity : (_, text) => text);
    figures.forEach((figure, i) => {
      const s = surfaceIn(find(figure, ".drawn"), grid[0] / grid[1]);
      if (!s) return;
      if (i === 0) drawTelling(s, scene, path, percent(path.near));
      else if (i === 1) drawCellTelling(s, scene, path, percent(path.far));
      else drawArriving(s, scene, frames.maps[i - 2]);
      setHtml(find(figure, ".say"), said[i]);
      setLabel(find(figure, ".drawn"), `${FRAMES[i]}. ${plainText(said[i])}`);
    });
  }

  return { build, draw };
}

/** @param {Path} path @param {number} index */
const item = ({ source, cell, near, far, share }, index) =>
  `<li tabindex="0" data-path="${index}"><span>Token <b>${rowAndColumn(source)}</b></span><span class="arrow">→</span>` +
  `<span><b class="local">${percent(near)}</b> <small>in its window</small></span><span class="arrow">→</span>` +
  `<span>cell <b>${rowAndColumn(cell)}</b></span><span class="arrow">→</span>` +
  `<span><b class="global">${percent(far)}</b> <small>from the cell</small></span><span class="arrow">× ¼ =</span>` +
  `<b>${percent(share)}</b></li>`;
