// The Explorer's choices of head and panel, and the prediction: built anew only when what they offer changes.

import { arrow } from "../../components/js/keyboard.js";
import { find, isNew, makeButton, setHtml } from "../../components/js/view.js";

const PANELS = [["maps", "Maps"], ["heads", "Heads & blocks"], ["pooling", "Pooling"], ["seam", "Seam"]];

/**
 * A radio group in one line. options: value and name.
 * @template T @param {HTMLElement} element @param {[T, string][]} options @param {T} chosen @param {(value: T) => void} choose
 */
function segments(element, options, chosen, choose) {
  if (isNew(element, JSON.stringify(options))) {
    element.replaceChildren(
      ...options.map(([, name]) => {
        const button = makeButton("");
        button.setAttribute("role", "radio");
        button.textContent = name;
        return button;
      }),
    );
  }
  const buttons = /** @type {HTMLButtonElement[]} */ ([...element.children]);
  buttons.forEach((button, index) => {
    const on = options[index][0] === chosen;
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
    button.onclick = () => choose(options[index][0]);
    button.onkeydown = (event) => {
      const move = arrow(event);
      if (!move) return;
      event.preventDefault();
      const next = buttons[(index + move[0] + move[1] + buttons.length) % buttons.length];
      next.focus();
      next.click();
    };
  });
}

/**
 * @param {HTMLElement} root @param {import("./store.js").Store} store @param {import("./store.js").Actions} actions
 * @param {(panel: string) => void} changePanel
 */
export function controls(root, store, { tell }, changePanel) {
  const [head, tabs] = [find(root, ".head"), find(root, ".tabs")];
  return {
    build() {
      const { chosen, heads, offline, prediction } = store.data;
      const [stage, block, now] = chosen;
      /** @type {[?number, string][]} */
      const offered = [[null, heads > 1 ? `Mean of ${heads} heads` : "One head"]];
      if (heads > 1) for (let i = 1; i <= heads; i++) offered.push([i, heads === 2 ? `Head ${i}` : String(i)]);
      segments(head, offered, now, (one) => tell({ head: [stage, block, one] }));
      head.hidden = Boolean(offline);
      const panels = /** @type {[string, string][]} */ (PANELS.filter(([name]) => !offline || offline.includes(name)));
      segments(tabs, panels, store.panel, changePanel);
      for (const panel of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".panel"))) panel.hidden = panel.dataset.panel !== store.panel;
      setHtml(find(root, ".prediction"), prediction);
      find(root, ".foot").hidden = Boolean(offline);
    },
  };
}
