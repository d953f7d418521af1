// The pooling panel: what averaging loses in every cell, and one cell under the microscope.

import { dimAround, fill, photograph } from "../../components/js/canvas.js";
import { cellBoxes, centreOf, clamp, fractions, parts, rectOf, squareAround } from "../../components/js/geometry.js";
import { frame, number } from "../../components/js/marks.js";
import { find, setHtml, setLabel } from "../../components/js/view.js";
import { percent, plainText, rowAndColumn } from "../../components/js/words.js";
import { describe, mapRing, surfaceIn, waitingBar } from "./maps.js";
import { sheetOf } from "./sheets.js";
import { weightOf } from "./store.js";

/** @typedef {import("../../components/js/canvas.js").Surface} Surface */
/** @typedef {import("./sheets.js").Sheet} Sheet */

/**
 * @param {HTMLElement} root @param {import("./store.js").Store} store @param {import("./store.js").Actions} actions
 * @returns {() => void} draws it
 */
export function pooling(root, store, { theme }) {
  const panel = find(root, "[data-panel=pooling]");
  const [one, lost, say] = [".cell", ".lost", ":scope > .say"].map((selector) => find(panel, selector));

  /** All cells, white by what they lose. @param {Surface} s @param {Sheet} sheet @param {number} index of the chosen one */
  function drawLost(s, sheet, index) {
    const { cell, grid } = store.data;
    const step = s.width / grid[1];
    const cells = cellBoxes(cell, grid).map((box) => rectOf(box, step));
    fill(s, cells, (i) => `rgba(255,255,255,${0.85 * sheet.cells[i]})`, cells[0].w >= 9 ? 1 : 0);
    frame(s, cells[index], theme("global"));
    mapRing(s, store.token, step);
  }

  /**
   * The cell and half a cell around it, each token with its part in the loss.
   * @param {Surface} s @param {Sheet} sheet @param {number} index
   */
  function drawCell(s, sheet, index) {
    const { cell, grid } = store.data;
    const box = store.cell(index);
    const side = Math.min(Math.max(...grid), 2 * Math.max(box[2], box[3], cell));
    const crop = squareAround(box, side, grid);
    const step = s.width / side;
    const inner = rectOf([box[0] - crop[0], box[1] - crop[1], box[2], box[3]], step);
    photograph(s, store.photo, fractions(crop, grid));
    dimAround(s, inner, 0.55);
    parts(inner, [box[2], box[3]]).forEach((token, i) => {
      frame(s, token, "rgba(255,255,255,0.55)", { line: 1, edge: null });
      if (step < 20 || cell === 1) return;
      const share = sheet.tokens[store.number([box[0] + Math.floor(i / box[3]), box[1] + (i % box[3])])];
      number(s, String(Math.round(100 * share)), centreOf(token), { px: clamp(step * 0.3, 10, 15), halo: true });
    });
    frame(s, inner, theme("global"));
  }

  /** @param {Sheet} sheet @param {number} index */
  function words(sheet, index) {
    const [, , height, width] = store.cell(index);
    const [tokens, across] = [height * width, store.cells[1]];
    const far = store.row("global");
    return (
      `<b class="global">The cell in ${rowAndColumn([Math.floor(index / across), index % across])}</b> is the average of ` +
      `${tokens} token${tokens > 1 ? "s" : ""}, and one key of the global step. Averaging loses <b>${percent(sheet.cells[index])}</b> of their variance ` +
      `(<b>${percent(sheet.whole)}</b> over the whole picture).` +
      (tokens > 1 ? " The number in each token is its part of the cell’s loss, in %." : "") +
      (far ? ` The selected token gives it ${percent(weightOf(far, index))} of its global attention.` : "")
    );
  }

  return () => {
    const { none, cell, grid, sheets } = store.data;
    one.hidden = lost.hidden = Boolean(none.pooling);
    if (none.pooling) return setHtml(say, none.pooling);
    setHtml(find(one, "figcaption"), `<b class="global">One cell</b><small>${cell} × ${cell} tokens, averaged</small>`);
    setHtml(find(lost, "figcaption"), `<b>Lost by averaging</b><span class="scale">0 <i class="ramp of-hops"></i> 100 %</span>`);
    const [near, all] = [surfaceIn(one), surfaceIn(lost, grid[0] / grid[1])];
    if (!near || !all) return;
    const sheet = sheetOf(sheets.pooling);
    const index = store.chosenCell;
    photograph(all, store.grey);
    if (!sheet || index === null) {
      setHtml(say, "Averaging …");
      return [near, all].forEach(waitingBar);
    }
    drawLost(all, sheet, index);
    drawCell(near, sheet, index);
    const text = words(sheet, index);
    setHtml(say, text);
    const map = `Variance lost in ${store.cells[0]} by ${store.cells[1]} cells. Arrow keys move, Enter keeps a cell.`;
    setLabel(find(one, ".map"), `The cell and what lies around it. ${plainText(text)}`);
    describe(find(lost, ".map"), `${map} ${plainText(text)}`);
    root.dataset.cell = String(index);
  };
}
