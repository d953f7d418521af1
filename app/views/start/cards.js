// Seven cards of one attention layer. The browser steps by itself and tells the server; another token's numbers come from there.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".story");
  const story = (root.story ??= start(root));
  story.send = (picked) => setStateValue("picked", picked);
  story.receive(data);
  return () => story.stop();
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const ALONE = 560; // CSS pixels: below this, one card at a time
const DARK = { local: [86, 177, 247], global: [255, 164, 71] }; // hues on the dark photograph, the same in both themes
const RING = "#D0116F";
const ARCS = 5;

function start(root) {
  const cards = root.querySelector(".cards");
  const steps = root.querySelector(".steps");
  const sentence = root.querySelector(".sentence");
  const caption = root.querySelector(".caption");
  const back = root.querySelector(".back");
  const next = root.querySelector(".next");
  const photo = new Image();
  const story = {};
  let data = null;
  let step = 1; // may be ahead of data.step while the server answers
  let token = null;
  let turn = 0;
  let sent = 0; // the last turn that the server was told of
  let waiting = null;
  let size = 0;

  photo.onload = () => paint();

  story.receive = (fresh) => {
    if (!data || data.photo !== fresh.photo) photo.src = document.getElementById(fresh.photo).src;
    const first = !data;
    data = fresh;
    if (first || fresh.turn >= turn) {
      step = fresh.step;
      token = fresh.token;
    }
    turn = Math.max(turn, fresh.turn);
    if (fresh.turn >= sent) answered();
    if (first) build();
    size = 0; // draw again
    show();
    requestAnimationFrame(() => cards.classList.remove("still"));
  };

  function build() {
    cards.classList.add("still");
    data.names.forEach((name, index) => {
      const card = document.createElement("div");
      card.className = "card";
      card.dataset.card = index + 1;
      card.append(document.createElement("canvas"));
      card.onclick = (event) => (index + 1 === step ? choose(at(card, event)) : go(index + 1));
      card.onkeydown = (event) => index + 1 === step && move(event);
      cards.append(card);
      const button = document.createElement("button");
      button.type = "button";
      button.innerHTML = `<b>${index + 1}</b>${name}`;
      button.onclick = () => go(index + 1);
      steps.append(button);
    });
    back.onclick = () => go(step - 1);
    next.onclick = () => go(step === data.names.length ? 1 : step + 1);
    root.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      go(step + by);
      if (root.getRootNode().activeElement?.parentElement === steps) steps.children[step - 1].focus();
    };
  }

  function go(wanted) {
    const to = clamp(wanted, 1, data.names.length);
    if (to === step) return;
    step = to;
    say();
    show();
  }

  function choose(wanted) {
    if (String(wanted) === String(token)) return;
    token = wanted;
    say();
    paint();
  }

  // On the card in front the arrow keys move the token, as on every photograph here; elsewhere they step.
  function move(event) {
    const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const far = event.shiftKey ? data.g1 : 1;
    choose([clamp(token[0] + way[0] * far, 0, data.grid[0] - 1), clamp(token[1] + way[1] * far, 0, data.grid[1] - 1)]);
  }

  function at(card, event) {
    const box = card.getBoundingClientRect();
    const [h, w] = data.grid;
    const y = Math.floor(((event.clientY - box.top) / box.height) * h);
    const x = Math.floor(((event.clientX - box.left) / box.width) * w);
    return [clamp(y, 0, h - 1), clamp(x, 0, w - 1)];
  }

  // One question at a time: asking again would stop the server in the middle of its last answer.
  function say() {
    turn += 1;
    if (!waiting) send();
  }

  function send() {
    sent = turn;
    waiting = setTimeout(answered, 3000); // a lost answer must not lock the story
    story.send({ step, token: String(token) === String(data.token) ? null : token, turn });
  }

  function answered() {
    clearTimeout(waiting);
    waiting = null;
    if (turn > sent) send();
  }

  // Where everything stands. Cards before and after the active one recede to the side, as in a row of records.
  function show() {
    const width = root.clientWidth;
    if (!data || !width) return;
    const alone = width < ALONE;
    const front = alone ? width : clamp(width * 0.4, 260, 400);
    const gap = alone ? 0 : Math.min((width - front) / 6, front * 0.36);
    const start = (width - front - 6 * gap) / 2;
    const back_ = front * 0.84;
    const flat = Math.min(1.22 * gap, 0.5 * back_); // how wide a turned card looks: a little more than its neighbour leaves of it
    const angle = (Math.acos(flat / back_) * 180) / Math.PI;
    cards.style.height = `${front}px`;
    [...cards.children].forEach((card, index) => {
      const off = index + 1 - step;
      card.style.width = card.style.height = `${front}px`;
      card.style.zIndex = 10 - Math.abs(off);
      card.classList.toggle("active", !off);
      card.tabIndex = off ? -1 : 0;
      card.style.opacity = alone && off ? 0 : 1;
      card.style.pointerEvents = alone && off ? "none" : "";
      const centre = off < 0 ? start + index * gap + flat / 2 : off > 0 ? width - start - (6 - index) * gap - flat / 2 : start + index * gap + front / 2;
      const turned = alone ? off * 30 : Math.sign(off) * angle;
      const shift = alone ? off * 40 : centre - front / 2;
      card.style.transform = `translateX(${shift}px) perspective(${front * 4}px) rotateY(${alone && !off ? 0 : turned}deg) scale(${off ? 0.84 : 1})`;
      card.setAttribute("role", off ? "presentation" : "application");
      card.setAttribute("aria-hidden", String(!!off));
      card.setAttribute("aria-label", `${data.names[index]}. ${plain(data.sentences[index])} ${data.captions[index]}${off ? "" : " Arrow keys move the token."}`);
    });
    [...steps.children].forEach((button, index) => {
      button.classList.toggle("active", index + 1 === step);
      button.classList.toggle("past", index + 1 < step);
      button.setAttribute("aria-current", index + 1 === step ? "step" : "false");
      button.tabIndex = index + 1 === step ? 0 : -1;
    });
    const told = `<b>${step}. ${data.names[step - 1]}.</b> ${data.sentences[step - 1]}`;
    if (sentence.innerHTML !== told) sentence.innerHTML = told;
    caption.textContent = data.captions[step - 1];
    back.disabled = step === 1;
    next.innerHTML = step === data.names.length ? 'Start again <span aria-hidden="true">↺</span>' : 'Next <span aria-hidden="true">→</span>';
    const all = data.sentences.map((text, index) => `<li>${data.names[index]}. ${text} ${data.captions[index]}</li>`).join("");
    const list = root.querySelector(".unseen");
    if (list.innerHTML !== all) list.innerHTML = all;
    root.dataset.step = step;
    root.dataset.token = String(token); // for tests and for people who look
    if (front !== size) paint(front);
  }

  function paint(front = size) {
    if (!data || !front || !photo.complete || !photo.naturalWidth) return;
    size = front;
    const dense = Math.min(devicePixelRatio || 1, 3);
    [...cards.children].forEach((card, index) => {
      const canvas = card.firstChild;
      canvas.width = canvas.height = Math.round(front * dense);
      const c = canvas.getContext("2d");
      c.setTransform(dense, 0, 0, dense, 0, 0);
      DRAWN[index](c, front, data, photo, token);
    });
    root.dataset.painted = String(token);
  }

  const observer = new ResizeObserver(() => show());
  observer.observe(root);
  story.stop = () => {
    observer.disconnect();
    clearTimeout(waiting);
    cards.replaceChildren();
    steps.replaceChildren();
    delete root.story;
  };
  return story;
}

const plain = (html) => html.replace(/<[^>]*>/g, "");

const DRAWN = [drawImage, drawTokens, drawWindows, drawLocal, drawPool, drawGlobal, drawSum];

function drawImage(c, s, data, photo, token) {
  c.drawImage(photo, 0, 0, s, s);
  ringAt(c, s, data, token);
}

function drawTokens(c, s, data, photo, token) {
  c.drawImage(photo, 0, 0, s, s);
  lines(c, s, data.grid, 1, "rgba(255,255,255,0.34)", 1);
  ringAt(c, s, data, token);
}

function drawWindows(c, s, data, photo, token) {
  c.drawImage(photo, 0, 0, s, s);
  const own = rect(s, data, data.window);
  c.fillStyle = "rgba(9,12,16,0.42)";
  c.beginPath();
  c.rect(0, 0, s, s);
  c.rect(own.x, own.y, own.w, own.h);
  c.fill("evenodd");
  lines(c, s, data.grid, 1, "rgba(255,255,255,0.16)", 1);
  lines(c, s, data.grid, data.g1, "rgba(255,255,255,0.85)", 2);
  frame(c, own, hue("local"), s);
  ringAt(c, s, data, token);
}

function drawLocal(c, s, data, photo, token) {
  grey(c, s, photo);
  const own = rect(s, data, data.window);
  const large = data.enlarged ? rect(s, data, data.enlarged) : own;
  heat(c, own, data.near, "local", 0.6);
  if (data.enlarged) {
    const k = photo.naturalWidth / s;
    c.save();
    c.drawImage(photo, own.x * k, own.y * k, own.w * k, own.h * k, large.x, large.y, large.w, large.h);
    veil(c, large);
    c.restore();
    heat(c, large, data.near, "local", 0.6);
    frame(c, own, hue("local"), s, 2);
    connect(c, own, large);
  }
  frame(c, large, hue("local"), s, 3);
  const rows = data.near.length;
  const columns = data.near[0].length;
  const cell = { w: large.w / columns, h: large.h / rows };
  const most = Math.max(...data.near.flat());
  if (Math.min(cell.w, cell.h) >= 21) {
    const px = cell.w > 40 ? 15 : 12;
    data.near.forEach((row, y) =>
      row.forEach((weight, x) => {
        if (weight >= 0.04) number(c, `${Math.round(100 * weight)}`, large.x + (x + 0.5) * cell.w, large.y + (y + 0.5) * cell.h, px, weight > 0.6 * most);
      }),
    );
  }
  // Its place in the window: a ring round the number, or on the photograph where there is no room.
  const [top, left] = data.window;
  ring(c, large.x + (data.token[1] - left + 0.5) * cell.w, large.y + (data.token[0] - top + 0.5) * cell.h, clamp(0.4 * cell.w, 6, 18), false);
  if (data.enlarged) ringAt(c, s, data, token, 6);
}

function drawPool(c, s, data, photo, token) {
  cells(data, s, (box, y, x) => {
    c.fillStyle = `rgb(${data.colours[y][x]})`;
    c.fillRect(box.x, box.y, box.w + 0.5, box.h + 0.5);
  });
  lines(c, s, data.grid, data.cell, hue("global"), data.far.length > 20 ? 1 : 1.5);
  ringAt(c, s, data, token);
}

function drawGlobal(c, s, data, photo, token) {
  grey(c, s, photo);
  const most = Math.max(...data.far.flat());
  const found = [];
  cells(data, s, (box, y, x) => {
    const weight = data.far[y][x];
    c.fillStyle = shade("global", (weight / most) ** 0.8);
    c.fillRect(box.x, box.y, box.w, box.h);
    found.push([weight, box]);
  });
  lines(c, s, data.grid, data.cell, "rgba(0,0,0,0.3)", 1);
  found.sort((a, b) => b[0] - a[0]);
  const best = found[0][1];
  c.strokeStyle = "#fff";
  c.lineWidth = 3;
  c.strokeRect(Math.max(best.x, 1.5), Math.max(best.y, 1.5), Math.min(best.w, s - best.x - 1.5), Math.min(best.h, s - best.y - 1.5));
  const at = spot(s, data, data.token);
  const named = found.slice(0, ARCS).filter(([weight]) => weight >= 0.4 * most || weight >= 0.04);
  for (const [weight, box] of named) arc(c, [box.x + box.w / 2, box.y + box.h / 2], [at.x, at.y], 1 + 4 * (weight / most));
  ringAt(c, s, data, token);
  const taken = [{ x: at.x - 13, y: at.y - 13, w: 26, h: 26 }];
  for (const [weight, box] of named) label(c, weight < 0.0995 ? `${(100 * weight).toFixed(1)} %` : `${Math.round(100 * weight)} %`, box, taken, s);
}

function drawSum(c, s, data, photo, token) {
  c.drawImage(photo, 0, 0, s, s);
  const unit = s / data.grid[1];
  data.hops.forEach((row, y) =>
    row.forEach((share, x) => {
      c.fillStyle = `rgba(9,12,16,${0.93 * (1 - share)})`;
      const left = Math.round(x * unit);
      const top = Math.round(y * unit);
      c.fillRect(left, top, Math.round((x + 1) * unit) - left, Math.round((y + 1) * unit) - top);
    }),
  );
  frame(c, rect(s, data, data.window), hue("local"), s, 1.5);
  ringAt(c, s, data, token);
}

const hue = (kind) => `rgb(${DARK[kind]})`;

// The colours of app/figures/colours.py's scales: nothing at 0, the hue in the middle, nearly white at the top.
function shade(kind, t) {
  const pale = 0.62 * Math.max(0, (t - 0.55) / 0.45);
  const mixed = DARK[kind].map((value, i) => Math.round(value + ([255, 248, 240][i] - value) * pale));
  return `rgba(${mixed},${0.04 + 0.84 * t})`;
}

function veil(c, box) {
  c.globalCompositeOperation = "saturation";
  c.fillStyle = "#808080";
  c.fillRect(box.x, box.y, box.w, box.h);
  c.globalCompositeOperation = "source-over";
  c.fillStyle = "rgba(0,0,0,0.52)";
  c.fillRect(box.x, box.y, box.w, box.h);
}

function grey(c, s, photo) {
  c.drawImage(photo, 0, 0, s, s);
  veil(c, { x: 0, y: 0, w: s, h: s });
}

function heat(c, box, weights, kind, power) {
  const most = Math.max(...weights.flat());
  const h = box.h / weights.length;
  const w = box.w / weights[0].length;
  weights.forEach((row, y) =>
    row.forEach((weight, x) => {
      c.fillStyle = shade(kind, (weight / most) ** power);
      c.fillRect(box.x + x * w, box.y + y * h, w - 0.5, h - 0.5);
    }),
  );
}

function lines(c, s, grid, every, colour, width) {
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.beginPath();
  for (let i = every; i < grid[1]; i += every) {
    const at = Math.round((i * s) / grid[1]) + 0.5;
    c.moveTo(at, 0);
    c.lineTo(at, s);
    c.moveTo(0, at);
    c.lineTo(s, at);
  }
  c.stroke();
}

function cells(data, s, each) {
  const unit = s / data.grid[1];
  data.far.forEach((row, y) =>
    row.forEach((_, x) => {
      const left = x * data.cell;
      const top = y * data.cell;
      const w = Math.min(data.cell, data.grid[1] - left);
      const h = Math.min(data.cell, data.grid[0] - top);
      each({ x: left * unit, y: top * unit, w: w * unit, h: h * unit }, y, x);
    }),
  );
}

function rect(s, data, [top, left, height, width]) {
  const unit = s / data.grid[1];
  return { x: left * unit, y: top * unit, w: width * unit, h: height * unit };
}

function spot(s, data, [y, x]) {
  const unit = s / data.grid[1];
  return { x: (x + 0.5) * unit, y: (y + 0.5) * unit };
}

function frame(c, box, colour, s, width = 3) {
  const x = Math.max(box.x, 2);
  const y = Math.max(box.y, 2);
  const w = Math.min(box.x + box.w, s - 2) - x;
  const h = Math.min(box.y + box.h, s - 2) - y;
  c.strokeStyle = "#fff";
  c.lineWidth = width + 1.5;
  c.strokeRect(x, y, w, h);
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.strokeRect(x, y, w, h);
}

function connect(c, a, b) {
  const right = b.x >= a.x + a.w;
  const left = b.x + b.w <= a.x;
  const below = b.y >= a.y + a.h;
  const ends = right || left
    ? [[right ? a.x + a.w : a.x, a.y, right ? b.x : b.x + b.w, b.y], [right ? a.x + a.w : a.x, a.y + a.h, right ? b.x : b.x + b.w, b.y + b.h]]
    : [[a.x, below ? a.y + a.h : a.y, b.x, below ? b.y : b.y + b.h], [a.x + a.w, below ? a.y + a.h : a.y, b.x + b.w, below ? b.y : b.y + b.h]];
  c.strokeStyle = hue("local");
  c.lineWidth = 1.2;
  c.beginPath();
  for (const [x0, y0, x1, y1] of ends) {
    c.moveTo(x0, y0);
    c.lineTo(x1, y1);
  }
  c.stroke();
}

// From a cell to the token, bent to one side, so that arcs over each other stay apart.
function arc(c, [x0, y0], [x1, y1], width) {
  const bend = 0.18;
  const mx = (x0 + x1) / 2 + (y1 - y0) * bend;
  const my = (y0 + y1) / 2 - (x1 - x0) * bend;
  c.lineCap = "round";
  for (const [stroke, extra] of [["rgba(9,12,16,0.55)", 2], ["#FFE3C2", 0]]) {
    c.strokeStyle = stroke;
    c.lineWidth = width + extra;
    c.beginPath();
    c.moveTo(x0, y0);
    c.quadraticCurveTo(mx, my, x1, y1);
    c.stroke();
  }
}

function number(c, text, x, y, px, dark) {
  c.font = `600 ${px}px ${getComputedStyle(c.canvas).fontFamily}`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillStyle = dark ? "#10161D" : "#fff";
  c.fillText(text, x, y + 0.5);
}

function label(c, text, box, taken, s) {
  const px = s > 330 ? 14 : 12;
  c.font = `600 ${px}px ${getComputedStyle(c.canvas).fontFamily}`;
  const w = c.measureText(text).width + 12;
  const h = px + 9;
  const x = clamp(box.x + box.w / 2 - w / 2, 3, s - w - 3);
  // In its cell, or a little above or below where another label or the ring stands already.
  const spots = [0, -0.7 * h, 0.7 * h, -1.15 * h, 1.15 * h].map((by) => ({ x, y: clamp(box.y + box.h / 2 - h / 2 + by, 3, s - h - 3), w, h }));
  const free = (a) => taken.every((b) => a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y);
  const place = spots.find(free);
  if (!place) return;
  taken.push(place);
  c.fillStyle = "rgba(20,16,12,0.88)";
  c.beginPath();
  c.roundRect(place.x, place.y, w, h, 5);
  c.fill();
  c.fillStyle = "#FFE3C2";
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText(text, place.x + w / 2, place.y + h / 2 + 0.5);
}

const ringAt = (c, s, data, token, radius = 10) => ring(c, spot(s, data, token).x, spot(s, data, token).y, radius, true);

function ring(c, x, y, radius, dot) {
  const circle = (r, stroke, width) => {
    c.strokeStyle = stroke;
    c.lineWidth = width;
    c.beginPath();
    c.arc(x, y, r, 0, 7);
    c.stroke();
  };
  circle(radius, "#fff", radius > 8 ? 6 : 4.5);
  circle(radius, RING, radius > 8 ? 3 : 2.5);
  if (!dot) return;
  c.fillStyle = "#fff";
  c.beginPath();
  c.arc(x, y, radius > 8 ? 4 : 2.6, 0, 7);
  c.fill();
  c.fillStyle = RING;
  c.beginPath();
  c.arc(x, y, radius > 8 ? 2.5 : 1.6, 0, 7);
  c.fill();
}
