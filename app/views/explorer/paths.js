// The strongest paths through both steps: a list, and each as two lines, from the source to its cell and from the cell to the query.

import { photograph } from "../../components/js/canvas.js";
import { centreOf, rectOf } from "../../components/js/geometry.js";
import { frame } from "../../components/js/marks.js";
import { PALETTE } from "../../components/js/palette.js";
import { find, isNew, setLabel } from "../../components/js/view.js";
import { percent, rowAndColumn } from "../../components/js/words.js";
import { mapRing, surfaceIn } from "./maps.js";

/** @typedef {import("./store.js").Path} Path */

/** @param {HTMLElement} root @param {import("./store.js").Store} store @param {import("./store.js").Actions} actions */
export function paths(root, store, { paint }) {
  const list = find(root, ".paths");

  function build() {
    const all = store.data.paths ?? [];
    list.hidden = !all.length || store.panel !== "maps";
    if (!isNew(list, JSON.stringify(all))) return;
    list.innerHTML =
      `<p class="title">Strongest paths <small>a cell’s tokens read the source in their windows and are averaged; then the query reads the cell ` +
      `(mean of the heads)</small></p><ol>${all.map(item).join("")}</ol><div class="drawn" role="img"><canvas></canvas></div>`;
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

  function draw() {
    const all = store.data.paths ?? [];
    const s = list.hidden ? null : surfaceIn(list, store.data.grid[0] / store.data.grid[1]);
    if (!s) return;
    const { c } = s;
    const step = s.width / store.data.grid[1];
    const most = all[0].near * all[0].far;
    const chosen = store.pointedPath;
    photograph(s, store.grey);
    const [{ source: from, cell: through }] = all;
    const line = `the strongest goes from ${rowAndColumn(from)} through the cell in ${rowAndColumn(through)} to the query in ${rowAndColumn(store.data.token)}`;
    setLabel(find(list, ".drawn"), `${all.length} paths over the photograph: ${line}.`);
    const query = rectOf([...store.data.token, 1, 1], step);
    const weakestFirst = [...all].reverse();
    for (const path of chosen ? [...weakestFirst.filter((one) => one !== chosen), chosen] : weakestFirst) {
      const source = rectOf([...path.source, 1, 1], step);
      const cell = rectOf(store.cell(path.cell[0] * store.cells[1] + path.cell[1]), step);
      c.globalAlpha = !chosen || chosen === path ? 1 : 0.25;
      c.lineWidth = 1 + 4 * ((path.near * path.far) / most);
      for (const [from, to, colour] of /** @type {const} */ ([[source, cell, PALETTE.local], [cell, query, PALETTE.global]])) {
        c.strokeStyle = colour;
        c.beginPath();
        c.moveTo(...centreOf(from));
        c.lineTo(...centreOf(to));
        c.stroke();
      }
      frame(s, cell, PALETTE.global, { line: 2, edge: null });
      frame(s, source, PALETTE.local, { line: 2, edge: null });
    }
    c.globalAlpha = 1;
    mapRing(s, store.data.token, step);
  }

  return { build, draw };
}

/** @param {Path} path @param {number} index */
const item = ({ source, cell, near, far }, index) =>
  `<li tabindex="0" data-path="${index}"><span>Token <b>${rowAndColumn(source)}</b></span><span class="arrow">→</span>` +
  `<span><b class="local">${percent(near)}</b> <small>in its window</small></span><span class="arrow">→</span>` +
  `<span>cell <b>${rowAndColumn(cell)}</b></span><span class="arrow">→</span>` +
  `<span><b class="global">${percent(far)}</b> <small>from the cell</small></span><span class="arrow">=</span>` +
  `<b>${percent(near * far)}</b></li>`;
