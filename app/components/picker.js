// The photograph, its token grid, what the selected token sees, and the choice of another token. All lengths on canvas are CSS pixels.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".picker");
  const picker = (root.picker ??= start(root));
  picker.send = (picked) => setStateValue("picked", picked);
  picker.receive(data);
  return () => picker.stop();
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function start(root) {
  const frame = root.querySelector(".frame");
  const canvas = root.querySelector("canvas");
  const where = root.querySelector(".where");
  const image = new Image();
  const picker = { turn: 0 };
  let data = null;
  let token = null; // [y, x]: may be ahead of data.token while the server answers
  let hover = null;
  let sent = 0; // the last turn that the server was told of
  let waiting = null; // the timer that runs until its answer

  image.onload = draw;

  picker.receive = (fresh) => {
    if (!data || data.photo !== fresh.photo) image.src = document.getElementById(fresh.photo).src;
    if (data && String(data.grid) !== String(fresh.grid)) hover = null;
    data = fresh;
    if (!token || fresh.turn >= picker.turn || !inside(token)) token = fresh.token;
    picker.turn = Math.max(picker.turn, fresh.turn);
    if (fresh.turn >= sent) answered();
    const [h, w] = data.grid;
    const windows = data.g1 ? ` Shift and an arrow move one window.` : "";
    frame.setAttribute("aria-label", `${data.title} under a grid of ${h} by ${w} tokens. Arrow keys move one token.${windows}`);
    // For tests and for people who look: what is on the canvas, in words.
    frame.dataset.token = String(token);
    draw();
  };

  const inside = ([y, x]) => y < data.grid[0] && x < data.grid[1];

  function choose(next) {
    if (String(next) === String(token)) return;
    token = next;
    picker.turn += 1;
    frame.dataset.token = String(token);
    if (!waiting) send();
    draw();
  }

  // One question at a time: asking again would stop the server in the middle of the last answer, and maps would flicker or lag.
  function send() {
    sent = picker.turn;
    waiting = setTimeout(answered, 3000); // a lost answer must not lock the picker
    picker.send({ y: token[0], x: token[1], turn: sent });
  }

  function answered() {
    clearTimeout(waiting);
    waiting = null;
    if (picker.turn > sent) send();
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const [h, w] = data.grid;
    const y = Math.floor(((event.clientY - box.top) / box.height) * h);
    const x = Math.floor(((event.clientX - box.left) / box.width) * w);
    return [clamp(y, 0, h - 1), clamp(x, 0, w - 1)];
  }

  frame.onclick = (event) => {
    hover = null;
    choose(at(event));
  };
  frame.onpointermove = (event) => {
    if (event.pointerType !== "mouse") return; // a finger that scrolls previews nothing
    const next = at(event);
    if (String(next) === String(hover)) return;
    hover = next;
    draw();
  };
  frame.onpointerleave = () => {
    hover = null;
    draw();
  };
  frame.onkeydown = (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    if (event.key === "Escape") hover = null;
    if (!move || event.ctrlKey || event.altKey || event.metaKey) return draw();
    event.preventDefault(); // the page must not scroll
    hover = null;
    const far = event.shiftKey ? data.g1 ?? 1 : 1;
    choose([clamp(token[0] + move[0] * far, 0, data.grid[0] - 1), clamp(token[1] + move[1] * far, 0, data.grid[1] - 1)]);
  };

  const observer = new ResizeObserver(() => draw());
  observer.observe(frame);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", draw);
  picker.stop = () => {
    observer.disconnect();
    scheme.removeEventListener("change", draw);
    delete root.picker;
  };

  function windowOf([y, x]) {
    const [h, w] = data.grid;
    if (!data.g1) return null;
    const top = Math.floor(y / data.g1) * data.g1;
    const left = Math.floor(x / data.g1) * data.g1;
    return [top, left, Math.min(data.g1, h - top), Math.min(data.g1, w - left)];
  }

  function strongestOf([y, x]) {
    const [h, w] = data.grid;
    const own = String([y, x]) === String(data.token);
    let index = data.strongest;
    if (Array.isArray(index)) index = index[y * w + x];
    else if (!own) return null;
    const columns = Math.ceil(w / data.cell);
    const top = Math.floor(index / columns) * data.cell;
    const left = (index % columns) * data.cell;
    return [top, left, Math.min(data.cell, h - top), Math.min(data.cell, w - left)];
  }

  function draw() {
    if (!data) return;
    const [h, w] = data.grid;
    const width = frame.clientWidth;
    if (!width) return;
    const height = (width * h) / w;
    const dense = Math.min(devicePixelRatio || 1, 3);
    if (canvas.width !== Math.round(width * dense)) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
    }
    const c = canvas.getContext("2d");
    c.setTransform(dense, 0, 0, dense, 0, 0);
    c.clearRect(0, 0, width, height);
    if (image.complete && image.naturalWidth) {
      c.imageSmoothingEnabled = image.naturalWidth >= 100; // what the model sees has hard pixels
      c.drawImage(image, 0, 0, width, height);
    }
    const colours = {};
    for (const name of ["local", "global", "query"]) {
      const style = getComputedStyle(root.querySelector(`.swatch.${name}`));
      colours[name] = { line: name === "query" ? style.color : style.backgroundColor, label: style.color };
    }
    const active = hover ?? token;
    const step = width / w;
    grid(c, w, h, 1, step, "rgba(255,255,255,0.16)");
    if (data.g1) grid(c, w, h, data.g1, step, "rgba(255,255,255,0.62)");

    const y = (active[0] + 0.5) * step;
    const x = (active[1] + 0.5) * step;
    crosshair(c, x, y, width, height, colours.query.line);
    const rect = (box) => box && { x: box[1] * step, y: box[0] * step, w: box[3] * step, h: box[2] * step };
    const cell = rect(strongestOf(active));
    const local = rect(windowOf(active));
    if (local) outline(c, local, colours.local.line, width, height);
    if (cell) outline(c, cell, colours.global.line, width, height);
    if (hover && String(hover) !== String(token)) {
      c.strokeStyle = "#fff";
      c.lineWidth = 1.5;
      c.beginPath();
      c.arc(x, y, 6, 0, 7);
      c.stroke();
    }
    const ring = { x: (token[1] + 0.5) * step, y: (token[0] + 0.5) * step };
    const ringBox = { x: ring.x - 14, y: ring.y - 14, w: 28, h: 28 };
    const taken = [];
    const words = [];
    if (local) words.push(["local window", local, colours.local, [cell, ringBox]]);
    if (cell) words.push([data.cell > 1 ? "strongest global cell" : "strongest key", cell, colours.global, [local, ringBox]]);
    for (const [text, box, colour, avoid] of words) taken.push(label(c, text, box, colour, [...avoid.filter(Boolean), ...taken], width, height, x, y));
    drawRing(c, ring.x, ring.y, colours.query.line);
    where.textContent = `Row ${active[0] + 1}, column ${active[1] + 1} of ${h} × ${w}`;
  }

  return picker;
}

function grid(c, w, h, every, step, colour) {
  c.strokeStyle = colour;
  c.lineWidth = 1;
  c.beginPath();
  for (let i = every; i < w; i += every) {
    c.moveTo(Math.round(i * step) + 0.5, 0);
    c.lineTo(Math.round(i * step) + 0.5, h * step);
  }
  for (let i = every; i < h; i += every) {
    c.moveTo(0, Math.round(i * step) + 0.5);
    c.lineTo(w * step, Math.round(i * step) + 0.5);
  }
  c.stroke();
}

function crosshair(c, x, y, width, height, colour) {
  for (const [stroke, dash, offset] of [["rgba(255,255,255,0.85)", [3, 3], 0], [colour, [3, 3], 3]]) {
    c.strokeStyle = stroke;
    c.lineWidth = 1.5;
    c.setLineDash(dash);
    c.lineDashOffset = offset;
    c.beginPath();
    c.moveTo(0, y);
    c.lineTo(width, y);
    c.moveTo(x, 0);
    c.lineTo(x, height);
    c.stroke();
  }
  c.setLineDash([]);
}

// A coloured frame between two white ones, drawn inwards at the picture's edge.
function outline(c, box, colour, width, height) {
  const x = Math.max(box.x, 2);
  const y = Math.max(box.y, 2);
  const w = Math.min(box.x + box.w, width - 2) - x;
  const h = Math.min(box.y + box.h, height - 2) - y;
  c.strokeStyle = "#fff";
  c.lineWidth = 5;
  c.strokeRect(x, y, w, h);
  c.strokeStyle = colour;
  c.lineWidth = 3;
  c.strokeRect(x, y, w, h);
}

function drawRing(c, x, y, colour) {
  const circle = (radius, stroke, lineWidth) => {
    c.strokeStyle = stroke;
    c.lineWidth = lineWidth;
    c.beginPath();
    c.arc(x, y, radius, 0, 7);
    c.stroke();
  };
  circle(10, "#fff", 6);
  circle(10, colour, 3);
  c.fillStyle = "#fff";
  c.beginPath();
  c.arc(x, y, 4, 0, 7);
  c.fill();
  c.fillStyle = colour;
  c.beginPath();
  c.arc(x, y, 2.5, 0, 7);
  c.fill();
}

// Write a label beside a box where it covers least of what matters; returns the space that it takes.
function label(c, text, box, colour, avoid, width, height, crossX, crossY) {
  c.font = `600 13px ${getComputedStyle(c.canvas).fontFamily}`;
  const w = c.measureText(text).width + 14;
  const h = 22;
  const gap = 7;
  const places = [];
  for (const y of [box.y, box.y + box.h / 2 - h / 2, box.y + box.h - h])
    places.push([box.x - w - gap, y], [box.x + box.w + gap, y]);
  for (const x of [box.x, box.x + box.w / 2 - w / 2, box.x + box.w - w])
    places.push([x, box.y - h - gap], [x, box.y + box.h + gap]);
  places.push([box.x + gap, box.y + gap]);
  const overlap = (a, b) => Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) * Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));
  let best = null;
  for (const [x, y] of places) {
    const spot = { x: clamp(x, 4, width - w - 4), y: clamp(y, 4, height - h - 4), w, h };
    const roomy = { x: spot.x - 4, y: spot.y - 4, w: w + 8, h: h + 8 };
    const moved = Math.abs(spot.x - x) + Math.abs(spot.y - y);
    let cost = 3 * overlap(spot, box) + 20 * moved;
    for (const other of avoid) cost += 6 * overlap(roomy, other);
    cost += overlap(spot, { x: crossX - 3, y: 0, w: 6, h: height }) + overlap(spot, { x: 0, y: crossY - 3, w: width, h: 6 });
    if (!best || cost < best.cost) best = { ...spot, cost };
  }
  c.fillStyle = colour.label;
  c.beginPath();
  c.roundRect(best.x, best.y, w, h, 5);
  c.fill();
  c.fillStyle = luminance(colour.label) > 0.4 ? "#10161D" : "#fff";
  c.textBaseline = "middle";
  c.fillText(text, best.x + 7, best.y + h / 2 + 1);
  return best;
}

function luminance(colour) {
  const [r, g, b] = colour.match(/[\d.]+/g).map(Number);
  return (0.3 * r + 0.59 * g + 0.11 * b) / 255;
}
