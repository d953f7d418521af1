// The three maps in words: a table, a sentence, and the sentence read aloud when another token is chosen.

import { same } from "../../components/js/geometry.js";
import { find, setHtml, setText } from "../../components/js/view.js";
import { percent, plainText, rowAndColumn, offset, timesEven } from "../../components/js/words.js";
import { KINDS, NAMES } from "./store.js";

/** @typedef {import("./store.js").Row} Row */
/** @typedef {Record<import("./store.js").Kind, ?Row>} Rows */

/** @type {[string, (row: Row) => string][]} */
const LINES = [
  [
    `<abbr title="Entropy of the weights: 0 if one key has all the weight, log₂ of the number of keys if all weights are equal">Spread, bits</abbr>`,
    (row) => row.spread.toFixed(1),
  ],
  [`<abbr title="From the token to its keys, in tokens, averaged by weight">Mean distance</abbr>`, (row) => row.distance.toFixed(1)],
  ["Strongest", (row) => percent(row.most)],
];

/** @param {HTMLElement} root @param {import("./store.js").Store} store */
export function summary(root, store) {
  /** @returns {Rows} */
  const rowsNow = () => ({ local: store.row("local"), global: store.row("global"), hops: store.row("hops") });

  /** @param {Rows} rows */
  function table(rows) {
    const shown = KINDS.filter((kind) => rows[kind]);
    const head = shown.map((kind) => `<th scope="col"><span class="${kind}">${NAMES[kind]}</span></th>`).join("");
    const lines = LINES.map(([name, value]) => {
      // A row of another token is the pinned one's: the browser has no other.
      const cells = shown.map((kind) => rows[kind]).map((row) => `<td>${row && store.isNow(row) ? value(row) : "·"}</td>`);
      return `<tr><th scope="row">${name}</th>${cells.join("")}</tr>`;
    });
    return `<thead><tr><th></th>${head}</tr></thead><tbody>${lines.join("")}</tbody>`;
  }

  /** @param {Rows} rows */
  function sentence({ local, global: far, hops }) {
    if (!far) return "";
    const place = store.cell(far.at);
    const even = timesEven(far.most, far.levels.length);
    const window = local && store.window(local.token);
    if (!local || !window)
      return (
        `Of all tokens, the <b class="global">strongest key</b> is ${offset(far.token, place)}, with ${percent(far.most)}: ${even}. ` +
        `The mean distance is ${far.distance.toFixed(1)} tokens.`
      );
    const { cell } = store.data;
    const near = offset(local.token, store.box("local", local.at, local.token));
    const where = `the ${cell > 1 ? "cell" : "token"} at ${rowAndColumn([place[0] / cell, place[1] / cell])}`;
    const text =
      `<b class="local">In the window</b>, the strongest key is ${near}: ${timesEven(local.most, window[2] * window[3])}. ` +
      `<b class="global">Of the cells</b>, the strongest is ${where}: ${even}. `;
    if (!hops || !same(hops.token, local.token)) return text;
    return `${text}On average, <b>two hops</b> reach ${hops.distance.toFixed(1)} tokens away; the window alone, ${local.distance.toFixed(1)}.`;
  }

  return {
    show() {
      const rows = rowsNow();
      setHtml(find(root, ".words table"), table(rows));
      setHtml(find(root, ".words .say"), sentence(rows));
    },
    speak() {
      if (store.panel === "maps") setText(find(root, ".aloud"), plainText(sentence(rowsNow())));
    },
  };
}
