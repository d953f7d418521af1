// A chart over two axes: lines, areas, dots, squares and labels. Pointing at it, or the arrow keys, reads its values in words.

import { arrow } from "../components/js/keyboard.js";
import { attach, find, setHtml, setLabel, setText, watch } from "../components/js/view.js";

/** @typedef {{ title: string, from: number, to: number, log: boolean, ticks: [number, string][] }} Axis */
/**
 * `look`: classes of chart.css. `name`: for the legend. An area lies between `low` and `y`; a square is 1 wide and high, more opaque
 * with its level, 0..1; a bar reaches from `low` to `y`.
 * @typedef {{ kind: "line" | "area" | "dots" | "squares" | "bars", look: string, name?: string, x: number[], y: number[],
 *   low?: number[], level?: number[] }} Layer
 */
/** @typedef {{ x: number, y: number, text: string, dx: number, dy: number, anchor: string }} Label */
/**
 * What can be read, in order: stops on the way along x (`y` is null), or points; `across` of them are in a row, 1 if there are no rows.
 * @typedef {{ x: number[], y: ?number[], words: string[], across: number }} Stops
 */
/** @typedef {{ x: Axis, y: Axis, layers: Layer[], labels: Label[], stops: Stops, alt: string }} Data as app/ui/chart.py describes it */

const HEIGHT = 330;
const SIDES = { left: 50, right: 14, top: 12, bottom: 46 };
const HINT = "Point at the chart, or use the arrow keys, to read its values.";

/** @param {import("../components/js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".chart", start);
}

/** @param {HTMLElement} root @returns {import("../components/js/view.js").View} */
function start(root) {
  const [frame, reading, legend, svg] = [".frame", ".reading", ".legend", ".frame svg"].map((name) => find(root, name));
  /** @type {Data} */
  let data;
  /** @type {?number} */
  let at = null;
  const unwatch = watch(frame, draw);

  /** Where a value lies on an axis, 0..1. @param {Axis} axis @param {number} value */
  function share({ from, to, log }, value) {
    const [a, b, c] = log ? [from, to, value].map(Math.log) : [from, to, value];
    return (c - a) / (b - a);
  }
  /** @param {number} value */
  const x = (value) => SIDES.left + share(data.x, value) * (frame.clientWidth - SIDES.left - SIDES.right);
  /** @param {number} value */
  const y = (value) => HEIGHT - SIDES.bottom - share(data.y, value) * (HEIGHT - SIDES.top - SIDES.bottom);
  /** @param {number[]} xs @param {number[]} ys */
  const points = (xs, ys) => xs.map((value, i) => `${x(value).toFixed(1)},${y(ys[i]).toFixed(1)}`);

  /** @param {Layer} layer */
  function marks({ kind, look, x: xs, y: ys, low = [], level = [] }) {
    const name = `class="${kind} ${look}"`;
    if (kind === "line") return `<polyline ${name} points="${points(xs, ys).join(" ")}"/>`;
    if (kind === "area") return `<polygon ${name} points="${[...points(xs, ys), ...points(xs, low).reverse()].join(" ")}"/>`;
    if (kind === "dots") return xs.map((value, i) => `<circle ${name} cx="${x(value).toFixed(1)}" cy="${y(ys[i]).toFixed(1)}"/>`).join("");
    if (kind === "bars") return xs.map((value, i) => `<path ${name} d="M${x(value).toFixed(1)} ${y(low[i]).toFixed(1)}V${y(ys[i]).toFixed(1)}"/>`).join("");
    const [wide, high] = [x(1) - x(0), y(0) - y(1)];
    const square = (/** @type {number} */ value, /** @type {number} */ i) =>
      `<rect ${name} fill-opacity="${level[i]}" x="${(x(value) - wide / 2).toFixed(1)}" y="${(y(ys[i]) - high / 2).toFixed(1)}" ` +
      `width="${Math.max(0, wide - 1).toFixed(1)}" height="${Math.max(0, high - 1).toFixed(1)}"/>`;
    return xs.map(square).join("");
  }

  function draw() {
    if (!data || !frame.clientWidth) return;
    const [left, right, top, bottom] = [SIDES.left, frame.clientWidth - SIDES.right, SIDES.top, HEIGHT - SIDES.bottom];
    const across = data.x.ticks.map(([value, text]) => `<text x="${x(value)}" y="${bottom + 19}" text-anchor="middle">${text}</text>`);
    const up = data.y.ticks.map(([value, text]) => `<path class="tick" d="M${left} ${y(value)}H${right}"/><text x="${left - 7}" y="${y(value) + 5}" text-anchor="end">${text}</text>`);
    const title = `<text x="${(left + right) / 2}" y="${HEIGHT - 5}" text-anchor="middle">${data.x.title}</text>`;
    const labels = data.labels.map(({ x: a, y: b, text, dx, dy, anchor }) => `<text class="label" x="${x(a) + dx}" y="${y(b) + dy}" text-anchor="${anchor}">${text}</text>`);
    setHtml(svg, [...up, ...across, title, ...data.layers.map(marks), ...labels, marker(top, bottom)].join(""));
  }

  /** @param {number} top @param {number} bottom */
  function marker(top, bottom) {
    if (at === null) return "";
    const { x: xs, y: ys } = data.stops;
    if (ys) return `<circle class="at" cx="${x(xs[at])}" cy="${y(ys[at])}" r="9"/>`;
    return `<path class="at" d="M${x(xs[at])} ${top}V${bottom}"/>`;
  }

  /** @param {?number} next */
  function read(next) {
    if (at === next) return;
    at = next;
    say();
    draw();
  }

  const say = () => setText(reading, at === null ? HINT : data.stops.words[at]);

  /** The stop nearest to the pointer. @param {PointerEvent} event */
  function nearest(event) {
    const { left, top } = frame.getBoundingClientRect();
    const { x: xs, y: ys } = data.stops;
    const far = xs.map((value, i) => Math.hypot(x(value) - event.clientX + left, ys ? y(ys[i]) - event.clientY + top : 0));
    return far.indexOf(Math.min(...far));
  }

  frame.onpointermove = frame.onpointerdown = (event) => read(nearest(event));
  frame.onpointerleave = (event) => event.pointerType === "mouse" && read(null);
  frame.onblur = () => read(null);
  frame.onkeydown = (event) => {
    const way = arrow(event);
    if (event.key === "Escape") read(null);
    if (!way) return;
    event.preventDefault(); // the page must not scroll
    const { x: xs, across } = data.stops;
    const step = way[1] - way[0] * across; // rows count upwards
    if (at === null) return read(step > 0 ? 0 : xs.length - 1);
    const next = at + step;
    const leavesRow = across > 1 && way[1] && Math.floor(next / across) !== Math.floor(at / across);
    if (next in xs && !leavesRow) read(next);
  };

  return {
    receive(/** @type {Data} */ fresh) {
      data = fresh;
      if (at !== null && at >= data.stops.x.length) at = null;
      setLabel(frame, `${data.alt} The arrow keys read its values.`);
      setText(find(root, ".up"), data.y.title);
      const named = data.layers.filter(({ name }) => name);
      setHtml(legend, named.map(({ kind, look, name }) => `<span>${swatch(kind, look)}${name}</span>`).join(""));
      say();
      draw();
    },
    stop: unwatch,
  };
}

/** @param {string} kind @param {string} look */
function swatch(kind, look) {
  const name = `class="${kind} ${look}"`;
  const drawn = { line: `<path ${name} d="M0 7H26"/>`, dots: `<circle ${name} cx="13" cy="7"/>` }[kind] ?? `<rect ${name} x="6" width="14" height="14"/>`;
  return `<svg width="26" height="14" aria-hidden="true">${drawn}</svg>`;
}
