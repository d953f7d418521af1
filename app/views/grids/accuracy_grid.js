// Accuracy by (G1, G2): a grid of buttons, grey by value. A click chooses a setting; the arrow keys walk.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".settings");
  const table = root.querySelector(".cells");
  const focused = root.getRootNode().activeElement?.dataset?.setting;
  const { down, across } = data;
  root.turn ??= 0;
  table.style.gridTemplateColumns = `max-content repeat(${across.length}, minmax(0, 1fr))`;
  const parts = [];
  // The largest window on top, as on an axis.
  for (let row = down.length - 1; row >= 0; row -= 1) {
    parts.push(label(down[row]));
    across.forEach((g2, column) => parts.push(cell(data.cells[row][column], down[row], g2, row, column)));
  }
  parts.push(label(""), ...across.map(label));
  table.replaceChildren(...parts);
  if (focused) table.querySelector(`[data-setting="${focused}"]`)?.focus({ preventScroll: true });

  function label(text) {
    const made = document.createElement("span");
    made.className = "tick";
    made.textContent = text;
    return made;
  }

  function cell(found, g1, g2, row, column) {
    const made = document.createElement(found ? "button" : "span");
    made.className = "cell";
    made.dataset.row = row;
    made.dataset.column = column;
    if (!found) {
      made.title = `G₁ = ${g1}, G₂ = ${g2}: not measured`;
      return made;
    }
    made.type = "button";
    made.dataset.setting = `${g1}-${g2}`;
    made.style.setProperty("--part", `${Math.round(100 * found.part)}%`);
    made.innerHTML = `${found.trained ? "<i>★</i>" : ""}${found.text}${found.name ? `<b class="${found.name}">${found.name}</b>` : ""}`;
    made.classList.toggle("a", found.name.startsWith("A"));
    made.classList.toggle("b", found.name.endsWith("B"));
    made.setAttribute("aria-label", found.words);
    made.title = found.words;
    made.tabIndex = found.name.endsWith("B") || (!data.b && found.trained) ? 0 : -1;
    made.onclick = () => setStateValue("picked", { g1, g2, turn: (root.turn += 1) });
    return made;
  }

  table.onkeydown = (event) => {
    const move = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const from = root.getRootNode().activeElement;
    if (!move || !from?.dataset?.row || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    // On to the next that was measured.
    let [row, column] = [Number(from.dataset.row), Number(from.dataset.column)];
    do {
      row += move[0];
      column += move[1];
    } while (row >= 0 && row < down.length && column >= 0 && column < across.length && !data.cells[row][column]);
    table.querySelector(`button[data-row="${row}"][data-column="${column}"]`)?.focus();
  };
}
