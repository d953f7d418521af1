// The curves of one test over the share of the squares. Pointing at a step, or the arrow keys, reads all values there.

import { clamp, placeIn } from "../../components/js/geometry.js";
import { sideways } from "../../components/js/keyboard.js";
import { attach, find, setHtml, setLabel, setText, watch } from "../../components/js/view.js";
import { percent } from "../../components/js/words.js";

/**
 * As app/views/why/scores.py makes it; all values 0..1, at evenly spaced shares of the squares.
 * @typedef {{ test: string, band: [number[], number[]], lines: { look: string, name: string, values: number[] }[], alt: string }} Data
 */

const HEIGHT = 250;
const SIDES = { left: 52, right: 16, top: 10, bottom: 46 };
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const HINT = "Point at the chart, tap it or use the arrow keys to read it.";

/** @param {import("../../components/js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".curves", start);
}

/** @param {HTMLElement} root @returns {import("../../components/js/view.js").View} */
function start(root) {
  const [frame, reading, svg] = [".frame", ".reading", "svg"].map((name) => find(root, name));
  /** @type {Data} */
  let data;
  /** @type {?number} */
  let step = null;
  const unwatch = watch(frame, draw);

  const last = () => data.band[0].length - 1;
  /** A share, 0..1, across the frame. @param {number} share */
  const x = (share) => SIDES.left + share * (frame.clientWidth - SIDES.left - SIDES.right);
  /** A probability, 0..1, up the frame. @param {number} probability */
  const y = (probability) => SIDES.top + (1 - probability) * (HEIGHT - SIDES.top - SIDES.bottom);
  /** @param {number[]} values */
  const points = (values) => values.map((value, i) => `${x(i / last()).toFixed(1)},${y(value).toFixed(1)}`);

  function draw() {
    if (!data || !frame.clientWidth) return;
    const [left, right, bottom] = [x(0), x(1), y(0)];
    const across = TICKS.map((t) => `<text x="${x(t)}" y="${bottom + 20}" text-anchor="middle">${100 * t}</text>`);
    const up = TICKS.map((t) => `<path class="tick" d="M${left} ${y(t)}H${right}"/><text x="${left - 8}" y="${y(t) + 5}" text-anchor="end">${100 * t} %</text>`);
    const title = `<text x="${(left + right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">squares ${data.test}, %</text>`;
    const band = `<polygon class="band" points="${[...points(data.band[0]), ...points(data.band[1]).reverse()].join(" ")}"/>`;
    const lines = data.lines.map(({ look, values }) => `<polyline class="${look}" points="${points(values).join(" ")}"/>`);
    const at = step === null ? "" : `<path class="at" d="M${x(step / last())} ${SIDES.top}V${bottom}"/>`;
    setHtml(svg, [...up, ...across, title, band, at, ...lines].join(""));
  }

  /** @param {?number} next */
  function read(next) {
    if (step === next) return;
    step = next;
    say();
    draw();
  }

  function say() {
    if (step === null) return setText(reading, HINT);
    const i = step;
    const [low, high] = data.band.map((values) => percent(values[i]));
    const values = data.lines.filter(({ look }) => look !== "random").map((line) => `${line.name} ${percent(line.values[i])}`);
    setText(reading, `${Math.round((100 * i) / last())} % ${data.test}: ${values.reverse().join(", ")}; random maps ${low} to ${high}`);
  }

  frame.onpointermove = frame.onpointerdown = (event) => {
    const [, at] = placeIn(event, frame.getBoundingClientRect(), [1, frame.clientWidth]);
    read(clamp(Math.round(((at - x(0)) / (x(1) - x(0))) * last()), 0, last()));
  };
  frame.onpointerleave = (event) => event.pointerType === "mouse" && read(null);
  frame.onblur = () => read(null);
  frame.onkeydown = (event) => {
    const way = sideways(event);
    if (event.key === "Escape") read(null);
    if (!way) return;
    event.preventDefault(); // the page must not scroll
    read(step === null ? (way > 0 ? 0 : last()) : clamp(step + way, 0, last()));
  };

  return {
    receive(/** @type {Data} */ fresh) {
      data = fresh;
      setLabel(frame, `${data.alt} The arrow keys read it from left to right.`);
      say();
      draw();
    },
    stop: unwatch,
  };
}
