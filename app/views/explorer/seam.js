// The seam panel: two neighbours with a window's edge between them.

import { heat, photograph } from "../../components/js/canvas.js";
import { centreOf, fractions, parts, rectOf, squareAround } from "../../components/js/geometry.js";
import { frame, ring, sign } from "../../components/js/marks.js";
import { PALETTE } from "../../components/js/palette.js";
import { find, setHtml, setLabel } from "../../components/js/view.js";
import { rowAndColumn } from "../../components/js/words.js";
import { surfaceIn } from "./maps.js";

/** @typedef {import("../../components/js/geometry.js").Box} Box */

const CAPTION =
  `<b class="query">The seam</b><small><i class="mark ring"></i> query <i class="mark diamond"></i> across ` +
  `<i class="mark square"></i> inside</small>`;

/**
 * @param {HTMLElement} root @param {import("./store.js").Store} store @param {import("./store.js").Actions} actions
 * @returns {() => void} draws it
 */
export function seam(root, store, { theme }) {
  const figure = find(root, ".pair");

  /** @param {import("./store.js").Neighbours} pair @param {Box} mine @param {Box} theirs the two windows */
  function draw(pair, mine, theirs) {
    const s = surfaceIn(figure);
    if (!s) return;
    const { grid } = store.data;
    const [top, left] = [Math.min(mine[0], theirs[0]), Math.min(mine[1], theirs[1])];
    const bottom = Math.max(mine[0] + mine[2], theirs[0] + theirs[2]);
    const right = Math.max(mine[1] + mine[3], theirs[1] + theirs[3]);
    const side = Math.min(Math.max(...grid), Math.max(bottom - top, right - left) + 2);
    const crop = squareAround([top, left, bottom - top, right - left], side, grid);
    const step = s.width / side;
    /** @param {Box} box */
    const rect = ([y, x, h, w]) => rectOf([y - crop[0], x - crop[1], h, w], step);
    /** @param {import("../../components/js/geometry.js").Pair} token */
    const spot = (token) => centreOf(rect([...token, 1, 1]));
    const weights = pair.local.flat();
    const most = Math.max(...weights) || 1;
    photograph(s, store.grey, fractions(crop, grid));
    heat(s, parts(rect(mine), [mine[2], mine[3]]), weights.map((weight) => weight / most), PALETTE.ramps.local);
    frame(s, rect(theirs), "rgba(255,255,255,0.8)", { line: 2, edge: null });
    frame(s, rect(mine), theme("local"));
    ring(s, spot(pair.here), Math.min(0.36 * step, 13));
    sign(s, spot(pair.there), Math.min(0.34 * step, 12), "diamond");
    if (pair.inside) sign(s, spot(pair.inside), Math.min(0.3 * step, 11), "square");
    const inside = pair.inside ? `; inside: ${rowAndColumn(pair.inside)}` : "";
    const places = `query: ${rowAndColumn(pair.here)}; across: ${rowAndColumn(pair.there)}${inside}`;
    setLabel(find(figure, ".map"), `Two windows and the edge between them. ${places}.`);
    setHtml(find(figure, "figcaption"), CAPTION);
  }

  return () => {
    const pair = store.data.seam?.pair;
    figure.hidden = !pair;
    const waiting = `<p class="note">${store.data.none.seam ?? "Computing Swin’s and PVT’s weights …"}</p>`;
    setHtml(find(root, ".facts"), store.data.seam?.html ?? waiting);
    const [mine, theirs] = pair ? [store.window(pair.here), store.window(pair.there)] : [];
    if (pair && mine && theirs) draw(pair, mine, theirs);
  };
}
