// A table in a box of its own that scrolls, its headings in view. Pointing at a figure, tapping it, or the arrow keys say where it comes
// from; a figure that is a link leads to another page.

import { arrow } from "../../components/js/keyboard.js";
import { attach, find, focusedBeside, isNew, make, setLabel, setText, watch } from "../../components/js/view.js";

/** @typedef {{ text: string, across: number, down: number, ours: boolean }} Heading */
/**
 * `href`: where a link leads, and `pick` what the server is told of it.
 * @typedef {{ text: string, ours?: boolean, missing?: boolean, said: string, why: string, source: string, command: string, words: string, href?: string,
 *   pick?: number }} Figure
 */
/** @typedef {{ title: string, head: Heading[][], rows: { name: string, mine: boolean, first: boolean, cells: Figure[] }[], left: boolean }} Data left: whether its columns
 * hold words rather than numbers */

const TABLE_HINT = "Point at a figure, tap it, or use the arrow keys, to read where it comes from.";

/** @param {import("../../components/js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".paper", start);
}

/** @param {HTMLElement} root @param {(picked: unknown) => void} send @returns {import("../../components/js/view.js").View} */
function start(root, send) {
  const [table, reading] = ["table", ".reading"].map((name) => find(root, name));
  /** @type {Data} */
  let data;
  const unwatch = watch(table, placeHead);

  /** @param {?Figure} figure */
  function read(figure) {
    if (!figure) return setText(reading, TABLE_HINT);
    const { said, why, source, command } = figure;
    reading.replaceChildren([said, why, source].filter(Boolean).join(" "));
    if (command) reading.append(" ", make("span", "", "Command: "), code(command));
  }

  /** @param {string} text */
  function code(text) {
    const made = make("code");
    made.textContent = text;
    return made;
  }

  /** @param {EventTarget | null} target @returns {?HTMLElement} */
  const cellOf = (target) => /** @type {?HTMLElement} */ (/** @type {Element} */ (target)?.closest?.("td[data-column]") ?? null);
  /** @param {?HTMLElement} cell @returns {?Figure} */
  const figureOf = (cell) => (cell ? data.rows[Number(cell.dataset.row)].cells[Number(cell.dataset.column)] : null);
  /** What takes the focus in a cell. @param {HTMLElement} cell @returns {HTMLElement} */
  const inside = (cell) => cell.querySelector("a") ?? cell;
  const focused = () => cellOf(focusedBeside(root));

  table.onpointerover = (event) => read(figureOf(cellOf(event.target) ?? focused()));
  table.onpointerleave = () => read(figureOf(focused()));
  table.addEventListener("focusin", (event) => {
    const cell = cellOf(event.target);
    if (!cell) return;
    for (const other of table.querySelectorAll("[tabindex='0']")) other.setAttribute("tabindex", "-1");
    inside(cell).tabIndex = 0;
    read(figureOf(cell));
  });
  table.addEventListener("focusout", () => read(null));
  table.onkeydown = (event) => {
    const way = arrow(event);
    const from = focused();
    if (!way || !from) return;
    event.preventDefault(); // the page must not scroll
    let [row, column] = [Number(from.dataset.row), Number(from.dataset.column)];
    // On to the next figure: not every model has one in every column.
    do {
      row += way[0];
      column += way[1];
    } while (data.rows[row]?.cells[column]?.text === "");
    const next = /** @type {?HTMLElement} */ (table.querySelector(`td[data-row="${row}"][data-column="${column}"]`));
    if (next) inside(next).focus();
  };
  table.onclick = (event) => {
    const figure = figureOf(cellOf(event.target));
    const link = /** @type {Element} */ (event.target).closest("a");
    if (!link || figure?.pick === undefined || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault(); // the page stays, and with it a photograph of one's own
    send({ pick: figure.pick, turn: Date.now() });
  };

  /** @param {Heading} heading */
  function heading({ text, across, down, ours }) {
    const made = /** @type {HTMLTableCellElement} */ (make("th", ours ? "ours" : ""));
    made.textContent = text;
    made.colSpan = across;
    made.rowSpan = down;
    made.scope = across > 1 ? "colgroup" : "col";
    return made;
  }

  /** @param {Figure} figure @param {number} row @param {number} column */
  function drawnCell(figure, row, column) {
    const made = make("td", figure.missing ? "missing" : figure.ours ? "ours" : "");
    if (!figure.text) return made;
    made.dataset.row = String(row);
    made.dataset.column = String(column);
    const holder = figure.href ? made.appendChild(make("a")) : made;
    holder.textContent = figure.text;
    if (figure.href) holder.setAttribute("href", figure.href);
    else if (figure.words) setLabel(holder, figure.words);
    holder.tabIndex = -1;
    return made;
  }

  /** Each row of headings stays in view below those above it. */
  function placeHead() {
    let top = 0;
    for (const row of table.querySelectorAll("thead tr")) {
      for (const each of row.querySelectorAll("th")) each.style.top = `${top}px`;
      top += row.getBoundingClientRect().height;
    }
  }

  function drawTable() {
    const head = make("thead");
    for (const line of data.head) {
      const row = head.appendChild(make("tr"));
      row.append(...line.map(heading));
    }
    const body = make("tbody");
    data.rows.forEach(({ name, mine, first, cells }, at) => {
      const row = body.appendChild(make("tr", `${mine ? "mine " : ""}${first ? "first" : ""}`.trim()));
      const title = /** @type {HTMLTableCellElement} */ (row.appendChild(make("th")));
      title.textContent = name;
      title.scope = "row";
      row.append(...cells.map((figure, column) => drawnCell(figure, at, column)));
    });
    setLabel(table, `${data.title}. The arrow keys walk over its figures.`);
    table.classList.toggle("left", data.left);
    table.replaceChildren(head, body);
    placeHead();
    const opening = table.querySelector("tr.mine td[data-column]") ?? table.querySelector("td[data-column]");
    if (opening) inside(/** @type {HTMLElement} */ (opening)).tabIndex = 0;
    read(null);
  }

  return {
    receive(/** @type {Data} */ fresh) {
      data = fresh;
      if (isNew(table, JSON.stringify(fresh))) drawTable();
    },
    stop: unwatch,
  };
}
