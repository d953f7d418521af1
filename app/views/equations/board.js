// An equation and its tensors. What is pointed at is a panel and a cell of it; every panel that shares an index with it is marked too.

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".board");
  const board = (root.board ??= start(root));
  board.receive(data);
  return () => board.stop();
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const HUES = ["local", "global", "query", "ink", "page"];

function start(root) {
  const equation = root.querySelector(".equation");
  const shapes = root.querySelector(".shapes");
  const columns = root.querySelector(".columns");
  const line = root.querySelector(".line");
  const photo = new Image();
  const board = {};
  let data = null;
  let panels = new Map(); // id -> { panel, figure, plot, canvas }
  let pinned = null; // [id, row, column]: what stays when nothing is pointed at
  let pointed = null;
  let term = null; // the panel of a term that is pointed at
  let held = null; // the panel of a term that was clicked

  photo.onload = () => draw();

  board.receive = (fresh) => {
    if (data && JSON.stringify(data) === JSON.stringify(fresh)) return;
    const same = data && String(data.start[0]) === String(fresh.start[0]) && data.equation.length === fresh.equation.length;
    if (!data || data.photo !== fresh.photo) photo.src = fresh.photo;
    data = fresh;
    pinned = data.start;
    pointed = null;
    if (!same) term = held = null;
    build();
    light();
  };

  function build() {
    const focused = root.getRootNode().activeElement?.dataset?.panel;
    equation.replaceChildren(
      ...data.equation.map((piece) => {
        if (typeof piece === "string") return element("span", "", piece);
        const button = element("button", piece.hue, `${piece.html}<small>${piece.size}</small>`);
        button.type = "button";
        button.title = piece.words;
        button.dataset.panel = piece.panel;
        button.setAttribute("aria-label", `${piece.words}, ${piece.size}`);
        button.onpointerenter = () => ((term = piece.panel), light());
        button.onpointerleave = () => ((term = null), light());
        button.onfocus = () => button.matches(":focus-visible") && ((term = piece.panel), light());
        button.onblur = () => ((term = null), light());
        button.onclick = () => ((held = held === piece.panel ? null : piece.panel), light());
        return button;
      }),
    );
    shapes.innerHTML = data.shapes;
    panels = new Map();
    columns.replaceChildren(
      ...data.columns.map((group) => {
        const column = element("div", "column", "");
        const narrow = group.every((panel) => panel.kind === "bars" || panel.kind === "column");
        if (narrow) column.classList.add("narrow");
        else if (group.every((panel) => panel.kind !== "photo") && data.columns.some((other) => other[0].kind === "bars")) column.classList.add("beside");
        const weight = narrow ? 0.42 : group.some((panel) => panel.kind === "photo") ? 1.25 : 1;
        column.style.flex = `${weight} 1 0`;
        column.append(...group.map(figureOf));
        return column;
      }),
    );
    if (focused) equation.querySelector(`[data-panel="${focused}"]`)?.focus({ preventScroll: true });
  }

  function figureOf(panel) {
    const figure = element("figure", "", "");
    figure.dataset.panel = panel.id;
    const caption = element("figcaption", "", `<span class="name ${panel.hue}">${panel.title}</span><small>${panel.small}</small>`);
    const plot = element("div", "plot", "");
    plot.tabIndex = 0;
    plot.setAttribute("role", "application");
    plot.setAttribute("aria-roledescription", "numbers");
    plot.dataset.name = panel.id; // for tests and for people who look
    plot.setAttribute("aria-label", `${caption.textContent}. Arrow keys move from number to number.`);
    const canvas = document.createElement("canvas");
    plot.append(canvas);
    figure.append(caption, plot);
    if (panel.kind === "bars") figure.append(element("div", "ends", `<span>${short(-panel.most)}</span><span>${short(panel.most)}</span>`));
    else if (panel.kind !== "photo" && panel.kind !== "share" && panel.values.length > 1 && panel.kind !== "column")
      figure.append(element("div", "ends", `<span>${short(-panel.most)}</span><i class="ramp ${panel.hue}"></i><span>${short(panel.most)}</span>`));
    const found = { panel, figure, plot, canvas };
    panels.set(panel.id, found);
    plot.onpointermove = (event) => point(found, event);
    plot.onpointerdown = (event) => {
      point(found, event);
      pinned = pointed;
    };
    plot.onpointerleave = () => ((pointed = null), light());
    plot.onfocus = plot.onblur = () => light();
    plot.onkeydown = (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      // Coming from another panel, it goes on from what is marked here.
      const at = pinned[0] === panel.id ? pinned : [panel.id, ...(firstMatch(panel) ?? [0, 0])];
      pinned = [panel.id, clamp(at[1] + move[0], 0, panel.values.length - 1), clamp(at[2] + move[1], 0, panel.values[0].length - 1)];
      pointed = null;
      light();
    };
    observer.observe(plot);
    return figure;
  }

  function point({ panel, canvas }, event) {
    const box = canvas.getBoundingClientRect();
    const [down, across] = panel.size ?? [panel.values.length, panel.values[0].length];
    const row = clamp(Math.floor(((event.clientY - box.top) / box.height) * down), 0, panel.values.length - 1);
    const column = clamp(Math.floor(((event.clientX - box.left) / box.width) * across), 0, panel.values[0].length - 1);
    const next = [panel.id, row, column];
    if (String(next) === String(pointed)) return;
    pointed = next;
    light();
  }

  // The indices that a cell stands for: { key: 3, channel: 7 }.
  function meaning([id, row, column]) {
    const found = panels.get(id);
    if (!found) return {};
    const { rows, columns: across, cells } = found.panel;
    const indices = {};
    if (rows) indices[rows[0]] = rows[1][row];
    if (across) indices[across[0]] = across[1][column];
    if (cells && cells[1][row]?.[column] >= 0) indices[cells[0]] = cells[1][row][column];
    return indices;
  }

  // The cells of a panel that agree with some indices, as rectangles [top, left, height, width] in cells.
  function marked(panel, indices) {
    const { rows, columns: across, cells, values } = panel;
    if (cells) {
      if (!(cells[0] in indices)) return [];
      const found = [];
      cells[1].forEach((line, row) => line.forEach((index, column) => index === indices[cells[0]] && found.push([row, column])));
      if (!found.length) return [];
      const top = Math.min(...found.map(([row]) => row));
      const left = Math.min(...found.map(([, column]) => column));
      return [[top, left, Math.max(...found.map(([row]) => row)) - top + 1, Math.max(...found.map(([, column]) => column)) - left + 1]];
    }
    const row = rows && rows[0] in indices ? rows[1].indexOf(indices[rows[0]]) : null;
    const column = across && across[0] in indices ? across[1].indexOf(indices[across[0]]) : null;
    if (row === -1 || column === -1 || (row === null && column === null)) return [];
    return [[row ?? 0, column ?? 0, row === null ? values.length : 1, column === null ? values[0].length : 1]];
  }

  function firstMatch(panel) {
    const box = marked(panel, meaning(pinned))[0];
    return box && [box[0], box[1]];
  }

  function light() {
    if (!data) return;
    const at = pointed ?? pinned;
    const lit = term ?? held;
    columns.classList.toggle("pointing", Boolean(lit));
    for (const { panel, figure } of panels.values()) figure.classList.toggle("lit", lit ? belongs(panel.id, lit) : false);
    const reading = pointed?.[0] ?? root.getRootNode().activeElement?.dataset?.name;
    for (const button of equation.querySelectorAll("button")) {
      button.classList.toggle("lit", belongs(reading, button.dataset.panel));
      button.setAttribute("aria-pressed", String(held === button.dataset.panel));
    }
    const meant = lit && data.equation.find((piece) => piece.panel === lit);
    line.innerHTML = meant ? `${meant.html}: ${meant.words} <small>${meant.size}</small>` : words(at);
    draw();
  }

  // A strip belongs to the map of the same tensor: "x-strip" to "x".
  const belongs = (id, other) => id === other || id === `${other}-strip`;

  function words(at) {
    const { panel } = panels.get(at[0]);
    if (panel.says) return panel.says[at[1]][at[2]];
    const indices = meaning(at);
    const named = Object.entries(indices).map(([name, index]) => `${name} ${index + 1}`).join(", ");
    const own = `${panel.title}${named ? ` at ${named}` : ""}: <b>${panel.values[at[1]][at[2]].toFixed(3).replace("-", "−")}</b>`;
    for (const { panel: other } of panels.values()) {
      if (!other.says) continue;
      const box = marked(other, indices)[0];
      if (box && box[2] === 1 && box[3] === 1) return `${own} · ${other.says[box[0]][box[1]]}`;
    }
    return own;
  }

  function draw() {
    if (!data) return;
    const colours = {};
    for (const name of HUES) colours[name] = getComputedStyle(root.querySelector(`.swatch.${name}`)).color.match(/[\d.]+/g).slice(0, 3).map(Number);
    const indices = meaning(pointed ?? pinned);
    const at = pointed ?? pinned;
    for (const found of panels.values()) paint(found, colours, found.panel.id === at[0] ? [[at[1], at[2], 1, 1]] : marked(found.panel, indices));
  }

  function paint({ panel, plot, canvas }, colours, marks) {
    const width = plot.clientWidth;
    if (!width) return;
    const [rows, across] = [panel.values.length, panel.values[0].length];
    const [down, right] = panel.size ?? [rows, across];
    const square = panel.kind === "map" || panel.kind === "photo" || panel.kind === "square";
    const height = square ? (width * down) / right : panel.kind === "share" ? 26 : rows === 1 ? 20 : Math.round(clamp(rows * 15, 120, 270));
    const dense = Math.min(devicePixelRatio || 1, 3);
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    canvas.style.height = `${height}px`;
    const c = canvas.getContext("2d");
    c.setTransform(dense, 0, 0, dense, 0, 0);
    const [tall, wide] = [height / down, width / right];
    const hue = colours[panel.hue];
    if (panel.kind === "photo") underlay(c, panel, width, height);
    else {
      c.fillStyle = css(colours.page);
      c.fillRect(0, 0, width, height);
    }
    panel.values.forEach((line, row) =>
      line.forEach((value, column) => {
        const [x, y] = [Math.round(column * wide * dense) / dense, Math.round(row * tall * dense) / dense];
        const [w, h] = [Math.round((column + 1) * wide * dense) / dense - x, Math.round((row + 1) * tall * dense) / dense - y];
        const part = panel.most ? value / panel.most : 0;
        if (panel.kind === "bars" || panel.kind === "share") {
          const zero = panel.kind === "bars" ? width / 2 : 0;
          const length = part * (width - zero);
          c.fillStyle = css(part < 0 ? mix(colours.page, colours.ink, 0.4) : hue);
          const thick = Math.max(1, h - (h > 4 ? 2 : 0));
          c.fillRect(Math.min(zero, zero + length), y + (h - thick) / 2, Math.abs(length), thick);
        } else if (panel.kind === "photo") {
          const t = Math.max(part, 0) ** 0.7;
          c.fillStyle = css(mix([255, 164, 71].map((v, i) => (panel.hue === "local" ? [86, 177, 247][i] : v)), [255, 248, 240], 0.62 * Math.max(0, (t - 0.55) / 0.45)), 0.04 + 0.84 * t);
          c.fillRect(x + 0.5, y + 0.5, w - 1, h - 1);
          if (value > 0.04 && w >= 24 && h >= 18) {
            c.fillStyle = part > 0.6 ? "#10161D" : "#fff";
            c.font = `600 12px ${getComputedStyle(plot).fontFamily}`;
            c.textAlign = "center";
            c.textBaseline = "middle";
            c.fillText(Math.round(100 * value), x + w / 2, y + h / 2 + 1);
          }
        } else {
          // Ink has no second hue for what is negative: it runs from the page's colour to its own.
          const shade = panel.hue === "ink" ? (1 + Math.sign(part) * Math.abs(part) ** 0.8) / 2 : Math.abs(part) ** 0.8;
          c.fillStyle = css(mix(colours.page, part < 0 && panel.hue !== "ink" ? mix(colours.page, colours.ink, 0.85) : hue, shade));
          c.fillRect(x, y, w, h);
        }
      }),
    );
    if (panel.kind === "bars") rule(c, width / 2, 0, width / 2, height, css(colours.ink, 0.5));
    if (panel.every)
      for (let i = panel.every; i < Math.max(rows, across); i += panel.every) {
        rule(c, i * wide, 0, i * wide, height, css(colours.ink, 0.45));
        rule(c, 0, i * tall, width, i * tall, css(colours.ink, 0.45));
      }
    if (panel.kind !== "photo" && panel.kind !== "bars" && panel.kind !== "share") frame(c, [0, 0, down, right], tall, wide, css(colours.ink, 0.25), 1);
    if (panel.frame) frame(c, panel.frame, tall, wide, css(colours.local), 3, "#fff");
    if (panel.own !== undefined) {
      c.fillStyle = css(colours.query);
      c.fillRect(0, panel.own * tall, 4, Math.max(tall, 2));
    }
    // On the photograph the ring goes round the number in its cell.
    if (panel.ring) ring(c, panel.ring[1] * wide, panel.ring[0] * tall, css(colours.query), panel.kind === "photo" ? clamp(0.36 * wide, 6, 14) : 7);
    for (const box of marks) {
      const [top, left] = box;
      const inside = [top, left, Math.min(box[2], down - top), Math.min(box[3], right - left)];
      frame(c, inside, tall, wide, panel.kind === "photo" ? "#fff" : css(colours.ink), 2, panel.kind === "photo" ? "#10161D" : css(colours.page));
    }
  }

  function underlay(c, panel, width, height) {
    c.fillStyle = "#1B1B1B";
    c.fillRect(0, 0, width, height);
    if (!photo.complete || !photo.naturalWidth) return;
    const [top, left, tall, wide] = panel.crop;
    c.filter = "grayscale(1)"; // where a browser cannot, the photograph stays coloured, and dark
    c.drawImage(photo, left * photo.naturalWidth, top * photo.naturalHeight, wide * photo.naturalWidth, tall * photo.naturalHeight, 0, 0, width, height);
    c.filter = "none";
    c.fillStyle = "rgba(0,0,0,0.52)";
    c.fillRect(0, 0, width, height);
  }

  const observer = new ResizeObserver(() => draw());
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => draw();
  scheme.addEventListener("change", repaint);
  board.stop = () => {
    observer.disconnect();
    scheme.removeEventListener("change", repaint);
    delete root.board;
  };
  return board;
}

function element(tag, name, html) {
  const made = document.createElement(tag);
  made.className = name;
  made.innerHTML = html;
  return made;
}

const short = (value) => String(Number(value.toPrecision(2))).replace("-", "−");
const mix = (a, b, t) => a.map((value, i) => value + (b[i] - value) * t);
const css = (colour, alpha = 1) => `rgba(${colour.map((value) => Math.round(value)).join(",")},${alpha})`;

function rule(c, x0, y0, x1, y1, colour) {
  c.strokeStyle = colour;
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo(Math.round(x0) + 0.5, Math.round(y0) + (y0 === y1 ? 0.5 : 0));
  c.lineTo(Math.round(x1) + (x0 === x1 ? 0.5 : 0), Math.round(y1) + (y0 === y1 ? 0.5 : 0));
  c.stroke();
}

// A frame, inside another so that it shows on any ground; drawn inwards at the edges.
function frame(c, [top, left, rows, columns], tall, wide, colour, width, edge) {
  const half = width / 2 + (edge ? 1 : 0);
  const x = Math.max(left * wide, half);
  const y = Math.max(top * tall, half);
  const w = Math.min((left + columns) * wide, c.canvas.clientWidth - half) - x;
  const h = Math.min((top + rows) * tall, c.canvas.clientHeight - half) - y;
  for (const [stroke, lineWidth] of edge ? [[edge, width + 2], [colour, width]] : [[colour, width]]) {
    c.strokeStyle = stroke;
    c.lineWidth = lineWidth;
    c.strokeRect(x, y, Math.max(w, 0.5), Math.max(h, 0.5));
  }
}

function ring(c, x, y, colour, radius) {
  for (const [stroke, width] of [["#fff", 5.5], [colour, 3]]) {
    c.strokeStyle = stroke;
    c.lineWidth = width;
    c.beginPath();
    c.arc(x, y, radius, 0, 7);
    c.stroke();
  }
}
