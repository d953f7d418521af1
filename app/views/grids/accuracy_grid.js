// Accuracy by (G1, G2): a grid of buttons, grey by value. A click chooses a setting; the arrow keys walk.

import { arrow } from "../../components/js/keyboard.js";
import { find, focusedBeside, make, makeButton } from "../../components/js/view.js";

/** @typedef {{ text: string, part: number, trained: boolean, name: string, words: string }} Cell */
/** @typedef {{ down: number[], across: number[], cells: (?Cell)[][], b: boolean }} Data as app/views/grids/accuracy.py makes it */

/** @param {import("../../components/js/view.js").Component} component */
export default function mount({ data, parentElement, setStateValue }) {
  const { down, across, cells, b } = /** @type {Data} */ (data);
  const root = find(parentElement, ".settings");
  const table = find(root, ".cells");
  const focused = focusedBeside(root)?.dataset.setting;
  table.style.gridTemplateColumns = `max-content repeat(${across.length}, minmax(0, 1fr))`;
  const parts = [];
  // The largest window on top, as on an axis.
  for (let row = down.length - 1; row >= 0; row -= 1) parts.push(tick(down[row]), ...across.map((_, column) => square(row, column)));
  table.replaceChildren(...parts, tick(""), ...across.map(tick));
  if (focused) focus(`[data-setting="${focused}"]`, { preventScroll: true });

  /** @param {number | string} text */
  function tick(text) {
    return make("span", "tick", String(text));
  }

  /** @param {string} selector @param {FocusOptions} [options] */
  function focus(selector, options) {
    /** @type {?HTMLElement} */ (table.querySelector(selector))?.focus(options);
  }

  /** @param {number} row @param {number} column */
  function square(row, column) {
    const found = cells[row][column];
    const [g1, g2] = [down[row], across[column]];
    const made = found ? makeButton("cell") : make("span", "cell");
    made.dataset.row = String(row);
    made.dataset.column = String(column);
    made.title = found?.words ?? `G₁ = ${g1}, G₂ = ${g2}: not measured`;
    if (!found) return made;
    const { name, trained, text, part, words } = found;
    made.dataset.setting = `${g1}-${g2}`;
    made.style.setProperty("--part", `${Math.round(100 * part)}%`);
    made.innerHTML = `${trained ? "<i>★</i>" : ""}${text}${name ? `<b class="${name}">${name}</b>` : ""}`;
    made.classList.toggle("a", name.startsWith("A"));
    made.classList.toggle("b", name.endsWith("B"));
    made.setAttribute("aria-label", words);
    made.tabIndex = name.endsWith("B") || (!b && trained) ? 0 : -1;
    // The same square again is another choice, even after the component was mounted anew.
    made.onclick = () => setStateValue("picked", { g1, g2, turn: Date.now() });
    return made;
  }

  table.onkeydown = (event) => {
    const move = arrow(event);
    const from = focusedBeside(root)?.dataset;
    if (!move || !from?.row) return;
    event.preventDefault();
    // On to the next that was measured.
    let [row, column] = [Number(from.row), Number(from.column)];
    do {
      row -= move[0];
      column += move[1];
    } while (cells[row] && column >= 0 && column < across.length && !cells[row][column]);
    focus(`button[data-row="${row}"][data-column="${column}"]`);
  };
}
