// Equations, one to a line, and their tensors. What is pointed at is a panel and a cell of it; every panel that shares an index with it is marked too.

import { greyOf } from "../../components/js/canvas.js";
import { themeOf } from "../../components/js/colours.js";
import { clamp, tokenAt } from "../../components/js/geometry.js";
import { arrow } from "../../components/js/keyboard.js";
import { attach, buttonsOf, find, findCanvas, focusedBeside, make, makeButton, setHtml, setLabel, watch } from "../../components/js/view.js";
import { minus, plainText, rowAndColumn } from "../../components/js/words.js";
import { marked, meaning, shapeOf } from "./indices.js";
import { drawPanel } from "./panels.js";

/** @typedef {import("./indices.js").Panel} Panel */
/** @typedef {import("./indices.js").Cell} Cell */
/** @typedef {import("../../components/js/geometry.js").Box} Box */
/** @typedef {{ html: string, panel: string, hue: string, words: string, size: string }} Term its panel is "" if it is not drawn */
/** @typedef {{ number: number, pieces: (string | Term)[] }} Line one equation, with its number in the paper */
/**
 * @typedef {{ equations: Line[], columns: Panel[][], start: Cell, sizes: string, photo: string }} Data as
 * app/views/equations/boards makes it
 */
/** @typedef {{ panel: Panel, figure: HTMLElement, plot: HTMLElement, told: string }} Figure */

/** @param {import("../../components/js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".board", start);
}

/** @param {HTMLElement} root @returns {import("../../components/js/view.js").View} */
function start(root) {
  const [equations, sizes, columns, line] = [".equations", ".sizes", ".columns", ".line"].map((name) => find(root, name));
  const photo = new Image();
  const theme = themeOf(root);
  /** @type {Data} */
  let data;
  /** @type {Map<string, Figure>} */
  let figures = new Map();
  /** @type {Cell} */
  let pinned; // what stays when nothing is pointed at
  /** @type {?Cell} */
  let pointed = null;
  /** @type {?string} */
  let term = null; // the panel of a term that is pointed at
  /** @type {?string} */
  let held = null; // the panel of a term that was clicked

  /** @type {?HTMLCanvasElement} */
  let grey = null;

  photo.onload = () => {
    grey = greyOf(photo);
    draw();
  };
  const unwatch = watch(columns, draw);

  function build() {
    const before = focusedBeside(root)?.dataset.panel;
    equations.replaceChildren(...data.equations.map(lineOf));
    setHtml(sizes, data.sizes);
    figures = new Map();
    columns.replaceChildren(...data.columns.map(columnOf));
    if (before) /** @type {?HTMLElement} */ (equations.querySelector(`[data-panel="${before}"]`))?.focus({ preventScroll: true });
  }

  /** @param {Line} line */
  function lineOf({ number, pieces }) {
    const row = make("div", "equation");
    row.append(...pieces.map((piece) => (typeof piece === "string" ? make("span", "", piece) : termOf(piece))), make("span", "number", `(${number})`));
    return row;
  }

  /** @param {Term} piece */
  function termOf({ html, panel, hue, words, size }) {
    const labelled = `${html}<small>${size}</small>`;
    if (!panel) {
      const still = make("span", `term ${hue}`, labelled);
      still.title = words;
      return still;
    }
    const button = makeButton(`term ${hue}`, labelled);
    button.title = words;
    button.dataset.panel = panel;
    button.setAttribute("aria-label", `${plainText(html)}: ${words}, ${size}`);
    /** @param {?string} lit */
    const point = (lit) => {
      term = lit;
      light();
    };
    button.onpointerenter = () => point(panel);
    button.onpointerleave = button.onblur = () => point(null);
    button.onfocus = () => button.matches(":focus-visible") && point(panel);
    button.onclick = () => {
      held = held === panel ? null : panel;
      light();
    };
    return button;
  }

  /** @param {Panel[]} group */
  function columnOf(group) {
    const column = make("div", "column");
    const narrow = group.every(({ kind }) => kind === "bars" || kind === "column");
    const photos = group.some(({ kind }) => kind === "photo");
    if (narrow) column.classList.add("narrow");
    else if (!photos && data.columns.some(([first]) => first.kind === "bars")) column.classList.add("beside");
    column.style.flex = `${narrow ? 0.46 : photos ? 1.25 : 1} 1 0`;
    column.append(...group.map(figureOf));
    return column;
  }

  /** @param {Panel} panel */
  function figureOf(panel) {
    const { id, hue, title, small, kind = "", most, values } = panel;
    const figure = make("figure");
    figure.dataset.panel = id;
    const caption = make("figcaption", "", `<span class="name ${hue}">${title}</span><small>${small}</small>`);
    const plot = make("div", "plot", "<canvas></canvas>");
    plot.tabIndex = 0;
    plot.setAttribute("role", "application");
    plot.setAttribute("aria-roledescription", "numbers");
    plot.dataset.name = id; // for tests and for people who look
    figure.append(caption, plot);
    const scale = kind === "bars" ? "" : `<i class="ramp ${hue}"></i>`;
    if (kind === "bars" || (!["photo", "share", "column"].includes(kind) && values.length > 1))
      figure.append(make("div", "ends", `<span>${short(-most)}</span>${scale}<span>${short(most)}</span>`));
    figures.set(id, { panel, figure, plot, told: describePanel(panel) });
    plot.onpointermove = (event) => point(panel, plot, event);
    plot.onpointerdown = (event) => {
      point(panel, plot, event);
      pinned = pointed ?? pinned;
    };
    plot.onpointerleave = () => {
      pointed = null;
      light();
    };
    plot.onfocus = plot.onblur = light;
    plot.onkeydown = (event) => {
      const move = arrow(event);
      if (!move) return;
      event.preventDefault();
      // Coming from another panel, it goes on from what is marked here.
      const [row, column] = pinned[0] === id ? [pinned[1], pinned[2]] : (marked(panel, meant(pinned))[0] ?? [0, 0]);
      pinned = [id, clamp(row + move[0], 0, values.length - 1), clamp(column + move[1], 0, values[0].length - 1)];
      pointed = null;
      light();
    };
    return figure;
  }

  /** @param {Panel} panel @param {HTMLElement} plot @param {PointerEvent} event */
  function point(panel, plot, event) {
    const [row, column] = tokenAt(event, findCanvas(plot), shapeOf(panel));
    /** @type {Cell} */
    const next = [panel.id, Math.min(row, panel.values.length - 1), Math.min(column, panel.values[0].length - 1)];
    if (String(next) === String(pointed)) return;
    pointed = next;
    light();
  }

  /** @param {Cell} cell */
  const meant = ([id, row, column]) => meaning(figures.get(id)?.panel, row, column);

  function light() {
    if (!data) return;
    const lit = term ?? held;
    columns.classList.toggle("pointing", Boolean(lit));
    for (const { panel, figure } of figures.values()) figure.classList.toggle("lit", lit !== null && belongs(panel.id, lit));
    const reading = pointed?.[0] ?? focusedBeside(root)?.dataset.name;
    for (const button of buttonsOf(equations)) {
      button.classList.toggle("lit", belongs(reading, button.dataset.panel));
      button.setAttribute("aria-pressed", String(held === button.dataset.panel));
    }
    for (const piece of data.equations.flatMap(({ pieces }) => pieces))
      if (lit && typeof piece !== "string" && piece.panel === lit) {
        line.innerHTML = `${piece.html}: ${piece.words} <small>${piece.size}</small>`;
        return draw();
      }
    line.innerHTML = words(pointed ?? pinned);
    draw();
  }

  /** @param {Cell} at */
  function words(at) {
    const panel = figures.get(at[0])?.panel;
    if (!panel) return "";
    if (panel.says) return panel.says[at[1]][at[2]];
    const indices = meant(at);
    const named = Object.entries(indices).map(([name, index]) => `${name} ${index + 1}`).join(", ");
    const own = `${panel.title}${named ? ` at ${named}` : ""}: <b>${minus(panel.values[at[1]][at[2]].toFixed(3))}</b>`;
    for (const { panel: other } of figures.values()) {
      const [box] = other.says ? marked(other, indices) : [];
      if (other.says && box?.[2] === 1 && box[3] === 1) return `${own} · ${other.says[box[0]][box[1]]}`;
    }
    return own;
  }

  function draw() {
    if (!data) return;
    const at = pointed ?? pinned;
    const indices = meant(at);
    for (const { panel, plot, told } of figures.values()) {
      const marks = panel.id === at[0] ? [/** @type {Box} */ ([at[1], at[2], 1, 1])] : marked(panel, indices);
      const mark = marks.length ? ` Marked: ${rowAndColumn(placeOf(panel, marks[0]))}.` : "";
      setLabel(plot, `${told}${mark} Arrow keys move from number to number.`);
      if (plot.clientWidth) drawPanel(findCanvas(plot), plot.clientWidth, panel, { marks, grey, theme });
    }
  }

  return {
    receive(/** @type {Data} */ fresh) {
      if (JSON.stringify(data) === JSON.stringify(fresh)) return;
      if (data?.start[0] !== fresh.start[0] || data.equations.length !== fresh.equations.length) term = held = null;
      if (data?.photo !== fresh.photo) photo.src = fresh.photo;
      data = fresh;
      pinned = data.start;
      pointed = null;
      build();
      light();
    },
    stop: unwatch,
  };
}

/** A strip belongs to the map of the same tensor: "x-strip" to "x". @param {string | undefined} id @param {string | undefined} other */
const belongs = (id, other) => id === other || id === `${other}-strip`;

/** A panel in words: the range of its numbers, and where the largest is. @param {Panel} panel */
function describePanel(panel) {
  const { title, small, values } = panel;
  const all = values.flat();
  const at = all.indexOf(Math.max(...all));
  const largest = rowAndColumn(placeOf(panel, [Math.floor(at / values[0].length), at % values[0].length]));
  const name = [title, small].filter(Boolean).map(plainText).join(", ");
  return `${name}: from ${short(Math.min(...all))} to ${short(all[at])}, in ${largest}.`;
}

/** Where a number of a panel lies on the map if the panel is a part of it. @param {Panel} panel @param {ArrayLike<number>} at */
const placeOf = ({ origin: [top, left] = [0, 0] }, at) => [top + at[0], left + at[1]];

/** @param {number} value */
const short = (value) => minus(Number(value.toPrecision(2)));
