// What counts as a step in the browser's history: a state in which the visitor rested. Streamlit adds an entry for every change.

import { arrow } from "./keyboard.js";

const REST = 1000; // milliseconds

/** When the visitor acts, and whether what comes of it is a new step. Times are in milliseconds. */
export function resting() {
  let acted = -Infinity;
  let shown = -Infinity;
  let walked = false; // with an arrow key, last
  let rested = false;
  return {
    /**
     * The visitor acts. A pause makes a rest, and so does a state that stood while the visitor did something else.
     * @param {number} now @param {{ idle: boolean, arrow: boolean }} how idle: what was asked for before is shown; arrow: an arrow key
     */
    act(now, { idle, arrow }) {
      if (now - acted >= REST || (idle && !(arrow && walked) && now - shown >= REST)) rested = true;
      acted = now;
      walked = arrow;
    },
    /** A new state is shown: is it a step of its own, or does it take the place of the last one? @param {number} now */
    show(now) {
      const step = rested;
      rested = false;
      shown = now;
      return step;
    },
    /** An earlier state is shown again, by Back or Forward: whatever the visitor does next is a new step. */
    goBack() {
      rested = false;
      acted = shown = -Infinity;
    },
  };
}

/** From now on the browser's history has one entry for each step, and Back passes by those that Streamlit wrote before this ran. */
export function keepSteps() {
  const visitor = resting();
  const [push, replace] = [history.pushState.bind(history), history.replaceState.bind(history)];
  const mark = { step: true };
  replace(mark, "", location.href);
  history.replaceState = (_, title, url) => replace(mark, title, url);
  history.pushState = (_, title, url) => (visitor.show(performance.now()) ? push : replace)(mark, title, url);

  const idle = () => !!document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]");
  const isArrow = (/** @type {Event} */ event) => event instanceof KeyboardEvent && !!arrow(event);
  for (const kind of ["pointerdown", "click", "keydown"]) {
    addEventListener(kind, (event) => visitor.act(performance.now(), { idle: idle(), arrow: isArrow(event) }), true);
  }
  addEventListener(
    "popstate",
    (event) => {
      visitor.goBack();
      if (event.state?.step) return;
      event.stopImmediatePropagation(); // Streamlit would run the page for it
      history.back();
    },
    true,
  );
}
