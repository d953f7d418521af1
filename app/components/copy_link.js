// Copies the address as it is when the button is pressed. Where the browser does not let a page write to the clipboard
// (no HTTPS, no permission), the link is shown and marked, ready for Ctrl+C. It is on every page, so it also looks after the
// frame of the page: the history of addresses, and the drawer with the pages on a phone.

import { closeDrawer } from "./js/drawer.js";
import { keepSteps } from "./js/steps.js";
import { find } from "./js/view.js";

const frame = /** @type {Document & { kept?: boolean }} */ (document); // the component may be drawn anew

/** @param {import("./js/view.js").Component} component */
export default function mount(component) {
  if (!frame.kept) {
    frame.kept = true;
    keepSteps();
    closeDrawer();
  }
  const root = find(component.parentElement, ".copylink");
  const said = find(root, "span");
  const warning = find(root, "p");
  const link = /** @type {HTMLInputElement} */ (find(root, "input"));
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;

  /** @param {string} text @param {boolean} show whether the link is shown */
  function say(text, show) {
    clearTimeout(timer);
    said.textContent = text;
    said.classList.add("said");
    link.hidden = !show;
    warning.textContent = component.data.warning;
    timer = setTimeout(
      () => {
        said.textContent = "Copy link";
        said.classList.remove("said");
        link.hidden = true;
        warning.textContent = "";
      },
      show ? 20000 : component.data.warning ? 8000 : 2500,
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
