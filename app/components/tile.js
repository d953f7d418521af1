// One map on the photograph: as many as a page likes. Pointing at a square of one shows the same square, and its number, in all of its group.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".tile");
  const tile = (root.tile ??= start(root));
  tile.send = (picked) => setStateValue("picked", picked);
  tile.receive(data);
  return () => tile.stop();
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const SAME = "hatnet-same-place";

function start(root) {
  const frame = root.querySelector(".frame");
  const canvas = root.querySelector("canvas");
  const tip = root.querySelector(".tip");
  const image = new Image();
  const tile = {};
  let data = null;
  let place = null; // [y, x], fractions of the picture: what is pointed at here or in another map of the group
  let turn = 0;

  image.onload = draw;

  tile.receive = (fresh) => {
    if (!data || data.photo !== fresh.photo) image.src = document.getElementById(fresh.photo)?.src ?? "";
    data = fresh;
    frame.setAttribute("aria-label", `${data.alt} Arrow keys read it square by square. Enter ${data.enter}.`);
    frame.dataset.shown = digest(data.values); // for tests: what is on the canvas
    say();
    draw();
  };

  const digest = (values) => String(JSON.stringify(values).split("").reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 7));
  const size = () => [data.values.length, data.values[0].length];

  function cell() {
    if (!place || !data) return null;
    const [rows, columns] = size();
    return [clamp(Math.floor(place[0] * rows), 0, rows - 1), clamp(Math.floor(place[1] * columns), 0, columns - 1)];
  }

  function say() {
    const at = cell();
    tip.textContent = at ? `row ${at[0] + 1}, column ${at[1] + 1}: ${number(data.values[at[0]][at[1]])} ${data.unit}` : "";
    tip.classList.toggle("high", Boolean(at) && place[0] > 0.72); // never over what it speaks of
  }

  const number = (value) => `${data.signed && value > 0 ? "+" : ""}${value.toFixed(data.digits)}`.replace("-", "−");

  function point(next) {
    dispatchEvent(new CustomEvent(SAME, { detail: { group: data.group, place: next } }));
  }

  const heard = ({ detail }) => {
    if (!data || detail.group !== data.group) return;
    place = detail.place;
    say();
    draw();
  };
  addEventListener(SAME, heard);

  function at(event) {
    const box = canvas.getBoundingClientRect();
    return [clamp((event.clientY - box.top) / box.height, 0, 0.9999), clamp((event.clientX - box.left) / box.width, 0, 0.9999)];
  }

  function choose(where) {
    turn += 1;
    tile.send({ y: where[0], x: where[1], turn });
  }

  frame.onclick = (event) => choose(at(event));
  frame.onpointermove = (event) => event.pointerType === "mouse" && point(at(event));
  frame.onpointerleave = frame.onblur = () => point(null);
  frame.onkeydown = (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const [rows, columns] = size();
    const from = cell() ?? (data.ring ? data.ring.map(Math.floor) : [rows >> 1, columns >> 1]);
    if (event.key === "Escape") return point(null);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return choose([(from[0] + 0.5) / rows, (from[1] + 0.5) / columns]);
    }
    if (!move || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault(); // the page must not scroll
    point([(clamp(from[0] + move[0], 0, rows - 1) + 0.5) / rows, (clamp(from[1] + move[1], 0, columns - 1) + 0.5) / columns]);
  };

  const observer = new ResizeObserver(() => draw());
  observer.observe(frame);
  tile.stop = () => {
    observer.disconnect();
    removeEventListener(SAME, heard);
    delete root.tile;
  };

  function draw() {
    const width = frame.clientWidth;
    if (!data || !width) return;
    const [rows, columns] = size();
    const height = width;
    const dense = Math.min(devicePixelRatio || 1, 3);
    if (canvas.width !== Math.round(width * dense)) canvas.width = canvas.height = Math.round(width * dense);
    const c = canvas.getContext("2d");
    c.setTransform(dense, 0, 0, dense, 0, 0);
    c.fillStyle = "#1B1B1B";
    c.fillRect(0, 0, width, height);
    if (image.complete && image.naturalWidth) {
      c.filter = data.grey ? "grayscale(1) brightness(0.48)" : "none";
      c.drawImage(image, 0, 0, width, height);
      c.filter = "none";
    }
    const [tall, wide] = [height / rows, width / columns];
    const snap = (value) => Math.round(value * dense) / dense;
    const low = data.signed ? -data.most : 0;
    data.values.forEach((line, row) =>
      line.forEach((value, column) => {
        const t = clamp((value - low) / (data.most - low || 1), 0, 1);
        c.fillStyle = data.ramp[Math.round(t * (data.ramp.length - 1))];
        const [x, y] = [snap(column * wide), snap(row * tall)];
        c.fillRect(x, y, snap((column + 1) * wide) - x, snap((row + 1) * tall) - y);
      }),
    );
    for (const [top, left, down, across] of data.boxes) {
      c.strokeStyle = data.edge;
      c.lineWidth = data.boxes.length > 1 ? 0.5 : 1.5;
      c.strokeRect(left * wide, top * tall, across * wide, down * tall);
    }
    if (data.ring) ring(c, data.ring[1] * wide, data.ring[0] * tall, clamp(0.035 * width, 5, 10));
    const marked = cell();
    if (marked) {
      for (const [colour, thick] of [["#10161D", 4], ["#fff", 2]]) {
        c.strokeStyle = colour;
        c.lineWidth = thick;
        c.strokeRect(marked[1] * wide, marked[0] * tall, wide, tall);
      }
    }
  }

  function ring(c, x, y, radius) {
    for (const [colour, thick] of [["#fff", 5.5], [data.query, 3]]) {
      c.beginPath();
      c.arc(x, y, radius, 0, 7);
      c.strokeStyle = colour;
      c.lineWidth = thick;
      c.stroke();
    }
    c.beginPath();
    c.arc(x, y, radius / 3, 0, 7);
    c.fillStyle = data.query;
    c.fill();
  }

  return tile;
}
