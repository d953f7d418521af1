// The photograph, its token grid, what the selected token sees, and the choice of another token. All lengths on canvas are CSS pixels.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".picker");
  const picker = (root.picker ??= start(root));
  picker.send = (picked) => setStateValue("picked", picked);
  picker.receive(data);
  return () => picker.stop();
}

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
    const colours = swatches(root);
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
