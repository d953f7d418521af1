// Seven cards of one attention layer. The browser steps by itself and tells the server; another token's numbers come from there.

import { greyOf, surface } from "../../components/js/canvas.js";
import { clamp, placeIn, same } from "../../components/js/geometry.js";
import { sharesBar } from "../../components/js/hops.js";
import { moved, sideways } from "../../components/js/keyboard.js";
import { turns } from "../../components/js/turns.js";
import { attach, find, focusedBeside, make, makeButton, setHtml, sourceOf, watch } from "../../components/js/view.js";
import { plainText, rowAndColumn, withoutMeanings } from "../../components/js/words.js";
import { DRAWINGS, tokenOn } from "./drawings.js";

/** @typedef {import("../../components/js/geometry.js").Pair} Pair */
/** @typedef {import("./drawings.js").Data} Data */

const ALONE = 560; // CSS pixels: below this, one card at a time

/** @param {import("../../components/js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".story", start);
}

/** @param {HTMLElement} root @param {(picked: unknown) => void} send @returns {import("../../components/js/view.js").View} */
function start(root, send) {
  const [cards, steps, sentence, bar, caption, list] = [".cards", ".steps", ".sentence", ".bar", ".caption", ".unseen"].map((name) => find(root, name));
  const [back, next] = /** @type {HTMLButtonElement[]} */ ([".back", ".next"].map((name) => find(root, name)));
  const [photo, exact] = [new Image(), new Image()];
  const server = turns((change) => send({ token: null, ...change, step })); // token: null where it stayed
  /** @type {?HTMLCanvasElement} */
  let grey = null;
  /** @type {Data} */
  let data;
  let step = 1; // may be ahead of data.step while the server answers
  /** @type {Pair} */
  let token;
  let size = 0; // of the cards as they are painted

  photo.onload = exact.onload = () => {
    if (!photo.complete || !exact.complete) return;
    grey = greyOf(photo);
    size = 0; // paint again
    show();
  };

  function build() {
    cards.classList.add("still");
    data.names.forEach((name, index) => {
      const card = make("div", "card", "<canvas></canvas>");
      card.dataset.card = String(index + 1);
      card.onclick = (event) => (index + 1 === step ? choose(tokenOn(index, data, placeIn(event, card.getBoundingClientRect(), [1, 1]))) : go(index + 1));
      card.onkeydown = (event) => index + 1 === step && move(event);
      cards.append(card);
      const button = makeButton("", `<b>${index + 1}</b>${name}`);
      button.onclick = () => go(index + 1);
      steps.append(button);
    });
    back.onclick = () => go(step - 1);
    next.onclick = () => go(step === data.names.length ? 1 : step + 1);
    root.onkeydown = turn;
    document.addEventListener("keydown", turnFromBeside);
  }

  /** @param {KeyboardEvent} event */
  function turn(event) {
    const by = event.defaultPrevented ? 0 : sideways(event);
    if (!by) return;
    event.preventDefault();
    go(step + by);
    if (focusedBeside(root)?.parentElement === steps) buttonOf(step).focus();
  }

  /** The same after a click beside the cards, where only the page itself has the focus. @param {KeyboardEvent} event */
  function turnFromBeside(event) {
    const at = /** @type {Element} */ (event.target);
    if (at !== document.body && !at.matches(".stMain")) return;
    turn(event);
    if (event.defaultPrevented && at instanceof HTMLElement) at.blur(); // or a frame round the page would show that it has the focus
  }

  /** @param {number} number from 1 */
  const buttonOf = (number) => /** @type {HTMLButtonElement} */ (steps.children[number - 1]);

  /** @param {number} wanted */
  function go(wanted) {
    const to = clamp(wanted, 1, data.names.length);
    if (to === step) return;
    step = to;
    server.ask({});
    show();
  }

  /** @param {Pair} wanted */
  function choose(wanted) {
    if (same(wanted, token)) return;
    token = wanted;
    server.ask({ token });
    paint(size);
  }

  /** On the card in front the arrow keys move the token, as on every photograph here; elsewhere they step. @param {KeyboardEvent} event */
  function move(event) {
    const to = moved(event, token, data.grid, [data.g1, data.g1]);
    if (!to) return;
    event.preventDefault();
    choose(to);
  }

  /** Put everything in its place. */
  function show() {
    const width = root.clientWidth;
    if (!data || !width) return;
    const front = width < ALONE ? width : clamp(width * 0.4, 260, 400);
    place(width, front);
    [...steps.children].forEach((_, index) => {
      const button = buttonOf(index + 1);
      button.classList.toggle("active", index + 1 === step);
      button.classList.toggle("past", index + 1 < step);
      button.setAttribute("aria-current", index + 1 === step ? "step" : "false");
      button.tabIndex = index + 1 === step ? 0 : -1;
    });
    setHtml(sentence, `<b>${step}. ${data.names[step - 1]}.</b> ${data.sentences[step - 1]}`);
    setHtml(bar, step === data.names.length ? sharesBar(data.shares) : "");
    setHtml(caption, data.captions[step - 1]);
    back.disabled = step === 1;
    const [word, arrow] = step === data.names.length ? ["Start again", "↺"] : ["Next", "→"];
    setHtml(next, `${word} <span aria-hidden="true">${arrow}</span>`);
    setHtml(list, data.sentences.map((text, index) => `<li>${data.names[index]}. ${withoutMeanings(`${text} ${data.captions[index]}`)}</li>`).join(""));
    root.dataset.step = String(step);
    root.dataset.token = String(token); // for tests and for people who look
    if (front !== size) paint(front);
  }

  /**
   * Cards before and after the active one recede to the side, as in a row of records.
   * @param {number} width @param {number} front the active card's side
   */
  function place(width, front) {
    const alone = width < ALONE;
    const gap = alone ? 0 : Math.min((width - front) / 6, front * 0.36);
    const left = (width - front - 6 * gap) / 2;
    const side = front * 0.84;
    const flat = Math.min(1.22 * gap, 0.5 * side); // how wide a turned card looks: a little more than its neighbour leaves of it
    const angle = (Math.acos(flat / side) * 180) / Math.PI;
    cards.style.height = `${front}px`;
    /** @type {HTMLElement[]} */ ([...cards.children]).forEach((card, index) => {
      const off = index + 1 - step;
      const centre = off < 0 ? left + index * gap + flat / 2 : off > 0 ? width - left - (6 - index) * gap - flat / 2 : left + index * gap + front / 2;
      const turned = alone ? off * 30 : Math.sign(off) * angle;
      const shift = alone ? off * 40 : centre - front / 2;
      Object.assign(card.style, {
        width: `${front}px`,
        height: `${front}px`,
        zIndex: 10 - Math.abs(off),
        opacity: alone && off ? 0 : 1,
        pointerEvents: alone && off ? "none" : "",
        transform: `translateX(${shift}px) perspective(${front * 4}px) rotateY(${turned}deg) scale(${off ? 0.84 : 1})`,
      });
      card.classList.toggle("active", !off);
      card.tabIndex = off ? -1 : 0;
      card.setAttribute("role", off ? "presentation" : "application");
      card.setAttribute("aria-hidden", String(!!off));
      const words = `${data.names[index]}. ${plainText(`${data.sentences[index]} ${data.captions[index]}`)} The selected token is in ${rowAndColumn(data.token)}.`;
      card.setAttribute("aria-label", off ? words : `${words} Arrow keys move the token.`);
    });
  }

  /** @param {number} front the cards' side */
  function paint(front) {
    const ground = grey;
    if (!ground || !front) return; // the photograph is still to come
    size = front;
    [...cards.children].forEach((card, index) => {
      const s = surface(/** @type {HTMLCanvasElement} */ (card.firstChild), front);
      DRAWINGS[index](s, data, { photo, exact, grey: ground, token });
    });
    root.dataset.painted = String(token);
  }

  const unwatch = watch(root, show);

  return {
    receive(/** @type {Data & { step: number, turn: number }} */ fresh) {
      const first = !data;
      if (data?.photo !== fresh.photo || data.exact !== fresh.exact) {
        grey = null;
        photo.src = sourceOf(fresh.photo);
        exact.src = sourceOf(fresh.exact);
      }
      data = fresh;
      if (server.receive(fresh.turn) || first) {
        step = fresh.step;
        token = fresh.token;
      }
      if (first) build();
      size = 0; // draw again
      show();
      requestAnimationFrame(() => cards.classList.remove("still"));
    },
    stop() {
      unwatch();
      document.removeEventListener("keydown", turnFromBeside);
      server.stop();
      cards.replaceChildren();
      steps.replaceChildren();
    },
  };
}
