// The three maps in words: a table, a sentence, and the sentence read aloud when another token is chosen.

import { same } from "../../components/js/geometry.js";
import { sharesBar } from "../../components/js/hops.js";
import { find, setHtml, setText } from "../../components/js/view.js";
import { percent, plainText, quantity, rowAndColumn, offset, timesEven } from "../../components/js/words.js";
import { KINDS, NAMES } from "./store.js";

/** @typedef {import("./store.js").Row} Row */
/** @typedef {Record<import("./store.js").Kind, ?Row>} Rows */

/**
 * The largest weight of a row; with the name of its quantity where it is of the selected token.
 * @param {import("./store.js").Store} store @param {import("./store.js").Kind} kind @param {Row} row
 */
export function most({ data }, kind, row) {
  const name = data.window && { local: "local-most", global: "cell-most", hops: "" }[kind];
  return name && same(row.token, data.token) ? quantity(name + (data.chosen[2] ? "-head" : ""), percent(row.most)) : percent(row.most);
}

const STAYS = 25; // % of a token's output, as app/core/hops.py says

/** @type {[string, (row: Row, store: import("./store.js").Store, kind: import("./store.js").Kind) => string][]} */
const LINES = [
  [
    `<abbr title="Entropy of the weights: 0 if one key has all the weight, log₂ of the number of keys if all weights are equal">Spread, bits</abbr>`,
    (row) => row.spread.toFixed(1),
  ],
  [`<abbr title="From the token to its keys, in tokens, averaged by weight">Mean distance</abbr>`, (row) => row.distance.toFixed(1)],
  ["Strongest", (row, store, kind) => most(store, kind, row)],
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
      const cells = shown.map((kind) => {
        const row = rows[kind];
        return `<td>${row && store.isNow(row) ? value(row, store, kind) : "·"}</td>`;
      });
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
    return hops?.inside !== undefined && same(hops.token, local.token) ? `${text}${output(hops, hops.inside)}` : text;
  }

  /** The token's output in three shares. @param {Row} hops @param {number} inside the window's */
  function output(hops, inside) {
    const [stays, near] = [STAYS, Math.round(100 * inside)];
    const shares = { "hops-self": stays, "hops-window": near, "hops-elsewhere": 100 - stays - near };
    const [a, b, c] = Object.entries(shares).map(([name, share]) => {
      const text = `${share} %`;
      return same(hops.token, store.data.token) ? quantity(name, text) : text;
    });
    return (
      `Of its output, <b class="query">${a}</b> stays (the residual), <b class="local">${b}</b> is read from its window, itself included, and ` +
      `<b class="global">${c}</b> from everywhere else.`
    );
  }

  return {
    show() {
      const rows = rowsNow();
      setHtml(find(root, ".words table"), table(rows));
      setHtml(find(root, ".words .say"), sentence(rows));
      const inside = rows.hops?.inside;
      setHtml(find(root, ".words .bar"), inside === undefined ? "" : sharesBar([STAYS / 100, inside, 1 - STAYS / 100 - inside]));
    },
    speak() {
      if (store.panel === "maps") setText(find(root, ".aloud"), plainText(sentence(rowsNow())));
    },
  };
}
