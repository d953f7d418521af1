// What all pictures of tokens share: grids, frames, the query's ring, labels. Lengths are CSS pixels.

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// The theme's colours, from hidden elements: they follow light and dark.
function swatches(root) {
  const colours = {};
  for (const name of ["local", "global", "query"]) {
    const style = getComputedStyle(root.querySelector(`.swatch.${name}`));
    colours[name] = { line: name === "query" ? style.color : style.backgroundColor, label: style.color };
  }
  return colours;
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
