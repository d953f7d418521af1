// Copies the address as it is when the button is pressed. Where the browser does not let a page write to the clipboard
// (no HTTPS, no permission), the link is shown and marked, ready for Ctrl+C. It is on every page, and keeps the history of addresses.

import { keepSteps } from "./js/steps.js";
import { find } from "./js/view.js";

/** @param {import("./js/view.js").Component} component */
export default function mount(component) {
  keepSteps();
  const root = find(component.parentElement, ".copylink");
  const said = find(root, "span");
  const link = /** @type {HTMLInputElement} */ (find(root, "input"));
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;

  /** @param {string} text @param {boolean} show whether the link is shown */
  function say(text, show) {
    clearTimeout(timer);
    said.textContent = text;
    said.classList.add("said");
    link.hidden = !show;
    timer = setTimeout(
      () => {
        said.textContent = "Copy link";
        said.classList.remove("said");
        link.hidden = true;
      },
      show ? 20000 : 2500,
    );
  }

  find(root, "button").onclick = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      say("Copied", false);
    } catch {
      link.value = location.href;
      say("Press Ctrl+C", true);
      link.focus();
      link.select();
    }
  };
}
