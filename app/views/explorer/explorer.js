// The Explorer. It holds the rows of all tokens ("sheets"), so that a hover redraws every map here, without asking the server.
// Tokens are [y, x]; boxes are [top, left, height, width] in tokens; an index of a key counts row by row.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".explorer");
  const view = (root.view ??= start(root));
  view.send = (picked) => setStateValue("picked", picked);
  view.receive(data);
  return () => view.stop();
}

const KINDS = ["local", "global", "hops"];
const NAMES = { local: "Local", global: "Global", hops: "Two hops" };
const TABS = { maps: "Maps", heads: "Heads & blocks", pooling: "Pooling", seam: "Seam" };
const VEIL = [9, 12, 16, 0.93];
const PRINTED = 0.04; // weights above this are printed in the enlarged window
const MOST_SHEETS = 24;

// They outlive a visit to another view of the app.
const sheets = (window.hatnetSheets ??= new Map());

function bytes(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}
const floats = (text) => new Float32Array(bytes(text).buffer);

// The last used is the last to go.
function keep({ key, body }) {
  const sheet = body ? { ...body } : sheets.get(key);
  if (!sheet) return;
  if (body?.levels) sheet.levels = bytes(body.levels);
  for (const name of ["told", "cells", "tokens"]) if (body?.[name]) sheet[name] = floats(body[name]);
  sheets.delete(key);
  sheets.set(key, sheet);
  while (sheets.size > MOST_SHEETS) sheets.delete(sheets.keys().next().value);
}

function start(root) {
  const find = (selector) => root.querySelector(selector);
  const frame = find(".frame");
  const image = new Image();
  const view = { turn: 0 };
  const enlarged = {}; // where the local map is drawn a second time
  let data = null;
  let token = null; // may be ahead of data.token while the server answers
  let panel = null;
  let hover = null; // a token that is pointed at on the photograph
  let pointed = null; // { kind, index, key }: a key that is pointed at in a map
  let held = null; // the cell that was clicked in the pooling microscope
  let exact = false;
  let grey = null; // the photograph in grey under 52 % black
  let pending = {}; // what the server is not told yet
  let sent = 0; // the last turn that the server was told of
  let waiting = null; // the timer that runs until its answer
  let late = null; // the one after which the page says that it waits
  let asked = ""; // sheets that were asked for again
  let queued = 0;

  image.onload = () => {
    grey = greyOf(image);
    paint();
  };

  view.receive = (fresh) => {
    for (const sheet of Object.values(fresh.sheets).filter(Boolean)) keep(sheet);
    if (!data || data.photos.sharp !== fresh.photos.sharp) held = pointed = null;
    if (data && (String(data.grid) !== String(fresh.grid) || data.cell !== fresh.cell)) hover = pointed = held = null;
    data = fresh;
    showPhoto();
    if (!token || fresh.turn >= view.turn || !inside(token)) token = fresh.token;
    if (!panel || fresh.turn >= view.turn) panel = fresh.panel;
    view.turn = Math.max(view.turn, fresh.turn);
    if (fresh.turn >= sent) answered();
    const lost = Object.values(fresh.sheets).filter((sheet) => sheet && !sheets.has(sheet.key)).map((sheet) => sheet.key);
    if (lost.length && String(lost) !== asked) tell({ need: lost });
    asked = String(lost);
    build();
    speak();
    render();
  };

  const inside = ([y, x]) => y < data.grid[0] && x < data.grid[1];
  const active = () => hover ?? token;

  function showPhoto() {
    const source = document.getElementById(exact ? data.photos.exact : data.photos.sharp)?.src;
    if (source && image.src !== source) image.src = source;
  }

  // What the server is told. One question at a time: another would stop it in the middle of its last answer.

  function tell(change) {
    if (data.offline) return;
    Object.assign(pending, change);
    view.turn += 1;
    if (!waiting) send();
  }

  function send() {
    sent = view.turn;
    late = setTimeout(() => root.classList.add("busy"), 400);
    waiting = setTimeout(answered, 8000); // a lost answer must not lock the page
    view.send({ ...pending, turn: sent });
    pending = {};
  }

  function answered() {
    clearTimeout(waiting);
    clearTimeout(late);
    root.classList.remove("busy");
    waiting = null;
    if (Object.keys(pending).length) send();
  }

  function choose(next) {
    if (String(next) === String(token)) return paint();
    token = next;
    held = null;
    const [h, w] = data.grid;
    tell({ place: [(token[0] + 0.5) / h, (token[1] + 0.5) / w] });
    speak();
    paint();
  }

  // Geometry.

  const number = ([y, x]) => y * data.grid[1] + x;

  function windowOf([y, x]) {
    if (!data.window) return null;
    const [h, w] = data.grid;
    const [i, j] = data.window;
    const top = Math.floor(y / i) * i;
    const left = Math.floor(x / j) * j;
    return [top, left, Math.min(i, h - top), Math.min(j, w - left)];
  }

  function boxOf(kind, index, t) {
    const [h, w] = data.grid;
    if (kind === "hops") return [Math.floor(index / w), index % w, 1, 1];
    if (kind === "local") {
      const [top, left] = windowOf(t);
      return [top + Math.floor(index / data.window[1]), left + (index % data.window[1]), 1, 1];
    }
    const across = Math.ceil(w / data.cell);
    const top = Math.floor(index / across) * data.cell;
    const left = (index % across) * data.cell;
    return [top, left, Math.min(data.cell, h - top), Math.min(data.cell, w - left)];
  }

  const keysAcross = (kind) =>
    kind === "hops" ? data.grid[1] : kind === "local" ? data.window[1] : Math.ceil(data.grid[1] / data.cell);

  // A token's row: that of the token pointed at where it is here, else that of the pinned one.
  function rowOf(kind) {
    const sheet = data.sheets[kind] && sheets.get(data.sheets[kind].key);
    if (!sheet) return null;
    for (const t of [active(), token, data.token]) {
      const i = sheet.only === null ? number(t) : sheet.only === number(t) ? 0 : -1;
      if (i < 0) continue;
      const [spread, reach, most, at] = sheet.told.subarray(4 * i, 4 * i + 4);
      return { t, levels: sheet.levels.subarray(i * sheet.keys, (i + 1) * sheet.keys), spread, reach, most, at };
    }
    return null;
  }

  const weight = (row, index) => (row.levels[index] / 255) * row.most;

  // For tests, and for people who look: the weights on screen, and whose they are.
  view.read = (kind) => {
    const row = rowOf(kind);
    return row && { token: [...row.t], weights: [...row.levels].map((level) => (level / 255) * row.most), spread: row.spread, reach: row.reach };
  };

  // The photograph.

  function at(event, element) {
    const box = element.getBoundingClientRect();
    const [h, w] = data.grid;
    const y = ((event.clientY - box.top) / box.height) * h;
    const x = ((event.clientX - box.left) / box.width) * w;
    return [clamp(y, 0, h - 1e-6), clamp(x, 0, w - 1e-6)];
  }

  frame.onclick = (event) => {
    hover = null;
    choose(at(event, frame).map(Math.floor));
  };
  frame.onpointermove = (event) => {
    if (event.pointerType !== "mouse") return; // a finger that scrolls previews nothing
    const next = at(event, frame).map(Math.floor);
    if (String(next) === String(hover)) return;
    hover = next;
    paint();
  };
  frame.onpointerleave = () => {
    hover = null;
    paint();
  };
  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const plain = (event) => !(event.ctrlKey || event.altKey || event.metaKey);
  frame.onkeydown = (event) => {
    const move = ARROWS[event.key];
    if (event.key === "Escape") {
      hover = pointed = held = null;
      choose(data.home);
    }
    if (!move || !plain(event)) return;
    event.preventDefault(); // the page must not scroll
    hover = null;
    const [h, w] = data.grid;
    const far = event.shiftKey ? (data.window ?? [1, 1]) : [1, 1];
    choose([clamp(token[0] + move[0] * far[0], 0, h - 1), clamp(token[1] + move[1] * far[1], 0, w - 1)]);
  };

  // Maps: a key that is pointed at lights up on the photograph; a click makes it the query.

  const MAPS = { local: ".local .map", global: ".global .map", hops: ".hops .map", lost: ".lost .map" };

  function keyAt(kind, y, x) {
    const [h, w] = data.grid;
    if (kind === "hops") return Math.floor(y) * w + Math.floor(x);
    if (kind !== "local") return Math.floor(y / data.cell) * Math.ceil(w / data.cell) + Math.floor(x / data.cell);
    const row = rowOf("local");
    if (!row) return null;
    const box = windowOf(row.t);
    for (const shown of [enlarged.box, box]) {
      if (!shown) continue;
      const down = Math.floor(((y - shown[0]) / shown[2]) * box[2]);
      const right = Math.floor(((x - shown[1]) / shown[3]) * box[3]);
      if (down >= 0 && right >= 0 && down < box[2] && right < box[3]) return down * data.window[1] + right;
    }
    return null;
  }

  const middle = ([top, left, height, width]) => [top + Math.floor(height / 2), left + Math.floor(width / 2)];

  function point(kind, index) {
    const same = pointed && pointed.kind === kind && pointed.index === index;
    if (same || (!pointed && index === null)) return;
    pointed = index === null ? null : { kind, index };
    paint();
  }

  for (const [kind, selector] of Object.entries(MAPS)) {
    const map = find(selector);
    map.onpointermove = (event) => event.pointerType === "mouse" && point(kind, keyAt(kind, ...at(event, map)));
    map.onpointerleave = () => point(kind, null);
    map.onblur = () => point(kind, null);
    map.onclick = (event) => take(kind, keyAt(kind, ...at(event, map)));
    map.onkeydown = (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        return take(kind, pointed?.kind === kind ? pointed.index : strongest(kind));
      }
      if (event.key === "Escape") return point(kind, null);
      const move = ARROWS[event.key];
      if (!move || !plain(event)) return;
      event.preventDefault();
      const from = pointed?.kind === kind ? pointed.index : strongest(kind);
      if (from === null) return;
      const across = keysAcross(kind);
      const row = rowOf(kind === "lost" ? "global" : kind);
      const down = kind === "local" ? windowOf(row.t)[2] : kind === "hops" ? data.grid[0] : Math.ceil(data.grid[0] / data.cell);
      const right = kind === "local" ? windowOf(row.t)[3] : across;
      const y = clamp(Math.floor(from / across) + move[0], 0, down - 1);
      const x = clamp((from % across) + move[1], 0, right - 1);
      point(kind, y * across + x);
    };
  }

  const strongest = (kind) => (kind === "lost" ? chosenCell() : (rowOf(kind)?.at ?? null));

  function take(kind, index) {
    if (index === null) return;
    if (kind === "lost") {
      held = index;
      return paint();
    }
    const row = rowOf(kind);
    if (!row) return;
    pointed = null;
    choose(middle(boxOf(kind, index, row.t)));
  }

  const chosenCell = () => (pointed?.kind === "lost" ? pointed.index : (held ?? rowOf("global")?.at ?? null));

  // Controls, built anew only when what they offer changes.

  function segments(element, options, chosen, choose) {
    const offer = JSON.stringify(options);
    if (element.dataset.offer !== offer) {
      element.dataset.offer = offer;
      element.replaceChildren(
        ...options.map(([value, name]) => {
          const button = document.createElement("button");
          button.type = "button";
          button.setAttribute("role", "radio");
          button.dataset.value = JSON.stringify(value);
          button.textContent = name;
          return button;
        }),
      );
    }
    const buttons = [...element.children];
    buttons.forEach((button, index) => {
      const on = button.dataset.value === JSON.stringify(chosen);
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
      button.onclick = () => choose(JSON.parse(button.dataset.value));
      button.onkeydown = (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (!by) return;
        event.preventDefault();
        const next = buttons[(index + by + buttons.length) % buttons.length];
        next.focus();
        next.click();
      };
    });
  }

  function build() {
    const [stage, block, head] = data.chosen;
    const heads = [[null, data.heads > 1 ? `Mean of ${data.heads} heads` : "One head"]];
    if (data.heads > 1) for (let i = 1; i <= data.heads; i++) heads.push([i, data.heads === 2 ? `Head ${i}` : String(i)]);
    segments(find(".head"), heads, head, (chosen) => tell({ head: [stage, block, chosen] }));
    find(".head").hidden = Boolean(data.offline);
    const tabs = Object.entries(TABS).filter(([name]) => !data.offline || data.offline.includes(name));
    segments(find(".tabs"), tabs, panel, (chosen) => {
      panel = chosen;
      pointed = null;
      tell({ panel });
      build();
      render();
    });
    for (const element of root.querySelectorAll(".panel")) element.hidden = element.dataset.panel !== panel;
    const box = find(".exact");
    box.hidden = !data.photos.exact;
    box.firstElementChild.onchange = (event) => {
      exact = event.target.checked;
      showPhoto();
    };
    const prediction = find(".prediction");
    if (prediction.innerHTML !== data.prediction) prediction.innerHTML = data.prediction;
    const over = find(".over");
    over.hidden = !data.over;
    over.textContent = data.over ?? "";
    const [h, w] = data.grid;
    const windows = data.window ? " Shift and an arrow move one window." : "";
    frame.setAttribute("aria-label", `${data.title} under a grid of ${h} by ${w} tokens. Arrow keys move one token.${windows} Escape goes back.`);
    for (const kind of ["local", "hops"]) {
      const none = data.none[kind];
      find(`.${kind} .map`).hidden = Boolean(none);
      find(`.${kind} .nothing`).hidden = !none;
      find(`.${kind} .nothing`).textContent = none ?? "";
    }
    buildStrip(find(".strip"), data.strip, data.chosen, (chosen) => tell({ head: chosen }));
    if (panel === "heads") buildHeads(find("[data-panel=heads]"), data, (chosen) => tell({ head: chosen }));
    const facts = find(".facts");
    const seam = data.seam?.html ?? `<p class="note">${data.none.seam ?? "Asking the model with Swin’s and PVT’s reach …"}</p>`;
    if (facts.innerHTML !== seam) facts.innerHTML = seam;
    find(".pair").hidden = !data.seam?.pair;
    find(".foot").hidden = Boolean(data.offline);
    buildPaths();
  }

  function buildPaths() {
    const list = find(".paths");
    const paths = data.paths ?? [];
    list.hidden = !paths.length || panel !== "maps";
    const offer = JSON.stringify(paths);
    if (list.dataset.offer === offer) return;
    list.dataset.offer = offer;
    const name = ([y, x]) => `row ${y + 1}, column ${x + 1}`;
    list.innerHTML =
      `<p class="title">Strongest paths <small>a token is heard in its window, its cell is averaged, the query asks the cell; mean of the heads</small></p><ol>` +
      paths
        .map(
          (path, i) =>
            `<li tabindex="0" data-path="${i}"><span>Token <b>${name(path.source)}</b></span><span class="arrow">→</span>` +
            `<span><b class="local">${percent(path.near)}</b> <small>heard nearby</small></span><span class="arrow">→</span>` +
            `<span>cell <b>${name(path.cell)}</b></span><span class="arrow">→</span>` +
            `<span><b class="global">${percent(path.far)}</b> <small>asked from afar</small></span><span class="arrow">=</span>` +
            `<b>${percent(path.near * path.far)}</b></li>`,
        )
        .join("") +
      `</ol><div class="drawn"><canvas></canvas></div>`;
    for (const item of list.querySelectorAll("li")) {
      const path = paths[item.dataset.path];
      const on = () => ((pointed = { kind: "path", path }), paint());
      const off = () => ((pointed = null), paint());
      Object.assign(item, { onpointerenter: on, onpointerleave: off, onfocus: on, onblur: off });
    }
  }

  // Drawing.

  function paint() {
    if (!queued) queued = requestAnimationFrame(render);
  }

  function surface(canvas, ratio) {
    const width = canvas.parentElement.clientWidth;
    if (!width) return null;
    const height = width * (ratio ?? data.grid[0] / data.grid[1]);
    const dense = Math.min(devicePixelRatio || 1, 3);
    const size = [Math.round(width * dense), Math.round(height * dense)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const c = canvas.getContext("2d");
    c.setTransform(dense, 0, 0, dense, 0, 0);
    return { c, width, height, step: width / data.grid[1], colours: swatches(root) };
  }

  function render() {
    cancelAnimationFrame(queued);
    queued = 0;
    if (!data) return;
    drawPhoto();
    if (panel === "maps") {
      const rows = Object.fromEntries(KINDS.map((kind) => [kind, rowOf(kind)]));
      drawLocal(rows.local);
      drawGlobal(rows.global);
      drawHops(rows.hops);
      words(rows);
    }
    if (!find(".paths").hidden) drawPaths();
    if (panel === "heads") drawHeads(find("[data-panel=heads]"), data, grey, swatches(root).query.line);
    if (panel === "pooling") drawPooling();
    if (panel === "seam") drawPair();
    drawStrip(find(".strip"), data.strip, data, swatches(root).query.line);
    root.dataset.token = String(token);
    root.dataset.active = String(active());
  }

  function photograph(c, source, width, height, crop) {
    if (!source || !(source.naturalWidth || source.width)) {
      c.fillStyle = "#1b1b1b";
      return c.fillRect(0, 0, width, height);
    }
    const [sw, sh] = [source.naturalWidth || source.width, source.naturalHeight || source.height];
    c.imageSmoothingEnabled = sw >= 100; // what the model sees has hard pixels
    if (!crop) return c.drawImage(source, 0, 0, width, height);
    const [h, w] = data.grid;
    const [top, left, tall, wide] = crop;
    c.drawImage(source, (left / w) * sw, (top / h) * sh, (wide / w) * sw, (tall / h) * sh, 0, 0, width, height);
  }

  function drawPhoto() {
    const s = surface(frame.firstElementChild);
    if (!s) return;
    const { c, width, height, step, colours } = s;
    const [h, w] = data.grid;
    photograph(c, image, width, height);
    const now = active();
    if (step >= 5) grid(c, w, h, 1, step, "rgba(255,255,255,0.16)");
    if (data.window) grid(c, w, h, data.window[0], step, "rgba(255,255,255,0.62)");
    const y = (now[0] + 0.5) * step;
    const x = (now[1] + 0.5) * step;
    crosshair(c, x, y, width, height, colours.query.line);
    const rect = (box) => box && { x: box[1] * step, y: box[0] * step, w: box[3] * step, h: box[2] * step };
    const far = rowOf("global");
    const fresh = far && String(far.t) === String(now);
    let cell = fresh ? rect(boxOf("global", far.at, now)) : null;
    const local = rect(windowOf(now));
    const ring = { x: (token[1] + 0.5) * step, y: (token[0] + 0.5) * step };
    const ringBox = { x: ring.x - 14, y: ring.y - 14, w: 28, h: 28 };
    const lit = light();
    if (lit.length) cell = null;
    if (local) outline(c, local, colours.local.line, width, height);
    if (cell) outline(c, cell, colours.global.line, width, height);
    if (hover && String(hover) !== String(token)) {
      c.strokeStyle = "#fff";
      c.lineWidth = 1.5;
      c.beginPath();
      c.arc(x, y, 6, 0, 7);
      c.stroke();
    }
    const taken = [];
    const names = [];
    if (lit.length) {
      for (const { box, kind, text } of lit) {
        const at = rect(box);
        const colour = kind === "hops" ? { line: "#fff", label: "rgb(16,22,29)" } : colours[kind];
        outline(c, at, colour.line, width, height);
        names.push([text, at, colour, [ringBox]]);
      }
    } else {
      if (local) names.push(["local window", local, colours.local, [cell, ringBox]]);
      if (cell) names.push([data.cell > 1 ? "strongest global cell" : "strongest key", cell, colours.global, [local, ringBox]]);
    }
    for (const [text, box, colour, avoid] of names)
      taken.push(label(c, text, box, colour, [...avoid.filter(Boolean), ...taken], width, height, x, y));
    drawRing(c, ring.x, ring.y, colours.query.line);
    const where = `Row ${now[0] + 1}, column ${now[1] + 1} of ${h} × ${w}`;
    if (find(".where").textContent !== where) find(".where").textContent = where;
  }

  // What a pointed-at key or path lights on the photograph.
  function light() {
    if (!pointed) return [];
    if (pointed.kind === "path") {
      const { source, cell, near, far } = pointed.path;
      const index = cell[0] * Math.ceil(data.grid[1] / data.cell) + cell[1];
      return [
        { box: boxOf("global", index), kind: "global", text: `cell, ${percent(far)}` },
        { box: [...source, 1, 1], kind: "local", text: `source, ${percent(near)}` },
      ];
    }
    if (pointed.kind === "lost") return [{ box: boxOf("global", pointed.index), kind: "global", text: "this cell" }];
    const row = rowOf(pointed.kind);
    if (!row) return [];
    return [{ box: boxOf(pointed.kind, pointed.index, row.t), kind: pointed.kind, text: percent(weight(row, pointed.index)) }];
  }

  function heat(c, levels, boxes, ramp) {
    boxes.forEach(([x, y, w, h], i) => {
      if (w <= 0 || h <= 0) return;
      c.fillStyle = ramp[Math.round((levels[i] / 255) * (ramp.length - 1))];
      const gap = w >= 9 ? 1 : 0;
      c.fillRect(x, y, w - gap, h - gap);
    });
  }

  function caption(kind, row, small, end = row && percent(row.most)) {
    const element = find(`.${kind} figcaption`);
    const on = pointed?.kind === kind && row;
    const box = on && boxOf(kind, pointed.index, row.t);
    const what = kind === "global" && data.cell > 1 ? "cell" : "";
    const key = on && (what ? [box[0] / data.cell, box[1] / data.cell] : box);
    const said = on
      ? `<small class="said">${what} row ${key[0] + 1}, column ${key[1] + 1}: <b>${percent(weight(row, pointed.index))}</b></small>`
      : `<small>${small}</small>${row ? `<span class="scale">0 <i class="ramp of-${kind}"></i> ${end}</span>` : ""}`;
    const text = `<b class="${kind}">${NAMES[kind]}</b>${said}`;
    if (element.dataset.text === text) return;
    element.dataset.text = text;
    element.innerHTML = text;
  }

  function drawLocal(row) {
    if (data.none.local) return caption("local", null, "none here");
    const s = surface(find(".local canvas"));
    if (!s) return;
    const { c, width, height, step } = s;
    photograph(c, grey, width, height);
    caption("local", row, "its window, in %");
    if (!row) return loading(c, width, height);
    const box = windowOf(row.t);
    const [, wide] = data.window;
    const shownLevels = [];
    for (let y = 0; y < box[2]; y++) for (let x = 0; x < box[3]; x++) shownLevels.push(row.levels[y * wide + x]);
    const cells = (b) => {
      const out = [];
      const [dy, dx] = [(b[2] / box[2]) * step, (b[3] / box[3]) * step];
      for (let y = 0; y < box[2]; y++) for (let x = 0; x < box[3]; x++) out.push([b[1] * step + x * dx, b[0] * step + y * dy, dx, dy]);
      return out;
    };
    const alone = width < 220; // no room for the window and its place
    enlarged.box = alone ? fitted(box, data.grid) : enlargedBox(box, data.grid);
    if (alone) {
      c.fillStyle = "#1b1b1b";
      c.fillRect(0, 0, width, height);
    } else {
      heat(c, shownLevels, cells(box), data.ramps.local);
      frameOf(c, box, step, 1.5);
    }
    const big = enlarged.box ?? box;
    if (enlarged.box) {
      c.save();
      c.translate(big[1] * step, big[0] * step);
      photograph(c, grey, big[3] * step, big[2] * step, box);
      c.restore();
      heat(c, shownLevels, cells(big), data.ramps.local);
      if (!alone) connectors(c, box, big, step);
      frameOf(c, big, step, 2);
    }
    const side = (big[3] / box[3]) * step;
    const place = ([y, x]) => [big[0] + ((y - box[0] + 0.5) / box[2]) * big[2], big[1] + ((x - box[1] + 0.5) / box[3]) * big[3]];
    const printed = side >= 22;
    const [ry, rx] = place(row.t);
    small(c, rx * step, ry * step, Math.min(0.42 * side, 0.05 * width), !printed);
    if (printed) {
      c.font = `600 ${side >= 28 ? 12 : 11}px ${fontOf(c)}`;
      c.textAlign = "center";
      c.textBaseline = "middle";
      cells(big).forEach(([x, y, w, h], i) => {
        const share = (shownLevels[i] / 255) * row.most;
        if (share <= PRINTED) return;
        c.fillStyle = shownLevels[i] > 153 ? "#10161D" : "#fff"; // strong cells are pale
        c.fillText(String(Math.round(100 * share)), x + w / 2, y + h / 2 + 1);
      });
      c.textAlign = "start";
    }
    if (pointed?.kind === "local") {
      const key = boxOf("local", pointed.index, row.t);
      const [y, x] = place(key);
      frameOf(c, [y - big[2] / box[2] / 2, x - big[3] / box[3] / 2, big[2] / box[2], big[3] / box[3]], step, 2, "#fff");
    }
    describe(".local .map", alt("Local", row, boxOf("local", row.at, row.t)));
  }

  function drawGlobal(row) {
    const s = surface(find(".global canvas"));
    if (!s) return;
    const { c, width, height, step } = s;
    const keys = data.grid.map((side) => Math.ceil(side / data.cell));
    photograph(c, grey, width, height);
    caption("global", row, `${keys[0]} × ${keys[1]} keys`);
    if (!row) return loading(c, width, height);
    const boxes = Array.from(row.levels, (_, i) => {
      const [top, left, tall, wide] = boxOf("global", i);
      return [left * step, top * step, wide * step, tall * step];
    });
    heat(c, row.levels, boxes, data.ramps.global);
    frameOf(c, boxOf("global", row.at), step, 2, "#fff");
    small(c, (row.t[1] + 0.5) * step, (row.t[0] + 0.5) * step, 0.035 * width, true);
    if (pointed?.kind === "global") frameOf(c, boxOf("global", pointed.index), step, 3, "#fff");
    describe(".global .map", alt("Global", row, [Math.floor(row.at / keys[1]), row.at % keys[1]]));
  }

  let veil = null;
  function drawHops(row) {
    if (data.none.hops) return caption("hops", null, "not here");
    const s = surface(find(".hops canvas"));
    if (!s) return;
    const { c, width, height, step } = s;
    const [h, w] = data.grid;
    photograph(c, row ? image : grey, width, height);
    const full = row && Math.max(1, row.levels.slice().sort()[Math.floor(0.985 * (row.levels.length - 1))]);
    const end = row && `≥ ${percent((full / 255) * row.most)}`;
    caption("hops", row, data.pinned ? "pinned token" : "bright = heard", end);
    if (!row) return loading(c, width, height);
    veil ??= document.createElement("canvas");
    if (veil.width !== w || veil.height !== h) [veil.width, veil.height] = [w, h];
    const v = veil.getContext("2d");
    const pixels = v.createImageData(w, h);
    for (let i = 0; i < row.levels.length; i++) {
      pixels.data.set(VEIL, 4 * i);
      pixels.data[4 * i + 3] = 255 * VEIL[3] * (1 - Math.min(1, row.levels[i] / full));
    }
    v.putImageData(pixels, 0, 0);
    c.imageSmoothingEnabled = false;
    c.drawImage(veil, 0, 0, width, height);
    small(c, (row.t[1] + 0.5) * step, (row.t[0] + 0.5) * step, 0.035 * width, true);
    if (pointed?.kind === "hops") frameOf(c, boxOf("hops", pointed.index), step, 2, "#fff");
    describe(".hops .map", alt("Two hops", row, [Math.floor(row.at / w), row.at % w]));
  }

  function drawPooling() {
    const sheet = data.sheets.pooling && sheets.get(data.sheets.pooling.key);
    const say = find("[data-panel=pooling] > .say");
    const none = data.none.pooling;
    find(".cell").hidden = find(".lost").hidden = Boolean(none);
    if (none) return void (say.textContent = none);
    const keys = data.grid.map((side) => Math.ceil(side / data.cell));
    const index = chosenCell();
    find(".cell figcaption").innerHTML = `<b class="global">One key</b><small>${data.cell} × ${data.cell} tokens, averaged</small>`;
    find(".lost figcaption").innerHTML = `<b>Lost by averaging</b><span class="scale">0 <i class="ramp of-hops"></i> 100 %</span>`;
    const [a, b] = [surface(find(".cell canvas"), 1), surface(find(".lost canvas"))];
    if (!a || !b) return;
    photograph(b.c, grey, b.width, b.height);
    if (!sheet || index === null) {
      say.textContent = "Averaging …";
      loading(a.c, a.width, a.height);
      return loading(b.c, b.width, b.height);
    }
    const box = boxOf("global", index);
    sheet.cells.forEach((lost, i) => {
      const [top, left, tall, wide] = boxOf("global", i);
      b.c.fillStyle = `rgba(255,255,255,${0.85 * lost})`;
      const gap = wide * b.step >= 9 ? 1 : 0;
      b.c.fillRect(left * b.step, top * b.step, wide * b.step - gap, tall * b.step - gap);
    });
    frameOf(b.c, box, b.step, 5, "#fff");
    frameOf(b.c, box, b.step, 3, b.colours.global.line);
    small(b.c, (token[1] + 0.5) * b.step, (token[0] + 0.5) * b.step, 0.035 * b.width, true);
    // The cell and half a cell around it.
    const [h, w] = data.grid;
    const side = Math.min(Math.max(h, w), 2 * Math.max(box[2], box[3], data.cell));
    const top = clamp(box[0] + box[2] / 2 - side / 2, 0, Math.max(0, h - side));
    const left = clamp(box[1] + box[3] / 2 - side / 2, 0, Math.max(0, w - side));
    photograph(a.c, image, a.width, a.height, [top, left, side, side]);
    const step = a.width / side;
    a.c.fillStyle = "rgba(9,12,16,0.55)";
    const inner = [(box[1] - left) * step, (box[0] - top) * step, box[3] * step, box[2] * step];
    a.c.beginPath();
    a.c.rect(0, 0, a.width, a.height);
    a.c.rect(...inner);
    a.c.fill("evenodd");
    const shown = step >= 20;
    a.c.font = `600 ${clamp(step * 0.3, 10, 15)}px ${fontOf(a.c)}`;
    a.c.textAlign = "center";
    a.c.textBaseline = "middle";
    for (let y = 0; y < box[2]; y++)
      for (let x = 0; x < box[3]; x++) {
        const [cx, cy] = [inner[0] + x * step, inner[1] + y * step];
        a.c.strokeStyle = "rgba(255,255,255,0.55)";
        a.c.lineWidth = 1;
        a.c.strokeRect(cx + 0.5, cy + 0.5, step - 1, step - 1);
        const part = Math.round(100 * sheet.tokens[number([box[0] + y, box[1] + x])]);
        if (!shown || data.cell === 1) continue;
        a.c.lineWidth = 3;
        a.c.strokeStyle = "rgba(9,12,16,0.75)";
        a.c.strokeText(String(part), cx + step / 2, cy + step / 2);
        a.c.fillStyle = "#fff";
        a.c.fillText(String(part), cx + step / 2, cy + step / 2);
      }
    a.c.textAlign = "start";
    frameOf(a.c, [box[0] - top, box[1] - left, box[2], box[3]], step, 5, "#fff");
    frameOf(a.c, [box[0] - top, box[1] - left, box[2], box[3]], step, 3, a.colours.global.line);
    const far = rowOf("global");
    const asks = far ? ` The selected token gives it ${percent(weight(far, index))} of its global attention.` : "";
    const tokens = box[2] * box[3];
    const text =
      `<b class="global">Key row ${Math.floor(index / keys[1]) + 1}, column ${(index % keys[1]) + 1}</b> is the average of ` +
      `${tokens} token${tokens > 1 ? "s" : ""}. Averaging loses <b>${percent(sheet.cells[index])}</b> of what sets them apart from the picture’s mean ` +
      `token, and <b>${percent(sheet.whole)}</b> over the whole picture.${tokens > 1 ? " The numbers in it are each token’s part of its loss, in %." : ""}${asks}`;
    if (say.innerHTML !== text) say.innerHTML = text;
    describe(".lost .map", `Variance lost in ${keys[0]} by ${keys[1]} cells. Arrow keys move, Enter keeps a cell. ${say.textContent}`);
    root.dataset.cell = String(index);
  }

  // Each path as two lines, as wide as its product: from the source to its cell, from the cell to the query.
  function drawPaths() {
    const s = surface(find(".paths canvas"));
    if (!s) return;
    const { c, width, height, step } = s;
    photograph(c, grey, width, height);
    const most = data.paths[0].near * data.paths[0].far;
    const chosen = pointed?.kind === "path" ? data.paths.indexOf(pointed.path) : -1;
    const spot = ([top, left, tall, wide]) => [(left + wide / 2) * step, (top + tall / 2) * step];
    const order = data.paths.map((path, i) => i).sort((a, b) => (a === chosen) - (b === chosen) || b - a);
    for (const i of order) {
      const { source, cell, near, far } = data.paths[i];
      const from = [...source, 1, 1];
      const by = boxOf("global", cell[0] * Math.ceil(data.grid[1] / data.cell) + cell[1]);
      c.globalAlpha = chosen < 0 || chosen === i ? 1 : 0.25;
      c.lineWidth = 1 + 4 * ((near * far) / most);
      for (const [a, b, colour] of [[from, by, "#56B1F7"], [by, [...data.token, 1, 1], "#FFA447"]]) {
        c.strokeStyle = colour;
        c.beginPath();
        c.moveTo(...spot(a));
        c.lineTo(...spot(b));
        c.stroke();
      }
      frameOf(c, by, step, 2, "#FFA447");
      frameOf(c, from, step, 2, "#56B1F7");
    }
    c.globalAlpha = 1;
    small(c, ...spot([...data.token, 1, 1]), 0.035 * width, true);
  }

  function drawPair() {
    const pair = data.seam?.pair;
    if (!pair) return;
    const s = surface(find(".pair canvas"), 1);
    if (!s) return;
    const { c, width, colours } = s;
    const [h, w] = data.grid;
    const mine = windowOf(pair.here);
    const theirs = windowOf(pair.there);
    const span = (i) => [Math.min(mine[i], theirs[i]), Math.max(mine[i] + mine[i + 2], theirs[i] + theirs[i + 2])];
    const [[top, bottom], [left, right]] = [span(0), span(1)];
    const side = Math.min(Math.max(h, w), Math.max(bottom - top, right - left) + 2);
    const y0 = clamp((top + bottom - side) / 2, 0, Math.max(0, h - side));
    const x0 = clamp((left + right - side) / 2, 0, Math.max(0, w - side));
    photograph(c, grey, width, width, [y0, x0, side, side]);
    const step = width / side;
    const most = Math.max(...pair.local.flat());
    pair.local.forEach((line, y) =>
      line.forEach((share, x) => {
        c.fillStyle = data.ramps.local[Math.round((share / (most || 1)) * (data.ramps.local.length - 1))];
        c.fillRect((mine[1] + x - x0) * step, (mine[0] + y - y0) * step, step - 1, step - 1);
      }),
    );
    const shift = ([t, l, tall, wide]) => [t - y0, l - x0, tall, wide];
    frameOf(c, shift(theirs), step, 2, "rgba(255,255,255,0.8)");
    frameOf(c, shift(mine), step, 5, "#fff");
    frameOf(c, shift(mine), step, 3, colours.local.line);
    const centre = ([y, x]) => [(x + 0.5 - x0) * step, (y + 0.5 - y0) * step];
    small(c, ...centre(pair.here), Math.min(0.36 * step, 13), true);
    sign(c, ...centre(pair.there), Math.min(0.34 * step, 12), "diamond");
    if (pair.inside) sign(c, ...centre(pair.inside), Math.min(0.3 * step, 11), "square");
    find(".pair figcaption").innerHTML =
      `<b class="query">The seam</b><small><i class="mark ring"></i> query <i class="mark diamond"></i> across <i class="mark square"></i> inside</small>`;
  }

  function loading(c, width, height) {
    c.fillStyle = "rgba(16,22,29,0.8)";
    c.fillRect(0, height - 34, width, 34);
    c.fillStyle = "#fff";
    c.font = `14px ${fontOf(c)}`;
    c.textBaseline = "middle";
    c.fillText("Waiting for the weights …", 12, height - 16);
  }

  const described = new Map();
  function describe(selector, text) {
    if (described.get(selector) === text) return;
    described.set(selector, text);
    find(selector).setAttribute("role", "application");
    find(selector).setAttribute("aria-roledescription", "map");
    find(selector).setAttribute("aria-label", text);
  }

  const alt = (name, row, at) =>
    `${name} attention map. The strongest key is row ${at[0] + 1}, column ${at[1] + 1}, with ${percent(row.most)}. ` +
    "Arrow keys point at keys, Enter makes one the query.";

  // Words.

  function words(rows) {
    const shown = KINDS.filter((kind) => rows[kind]);
    const now = (kind) => String(rows[kind].t) === String(active()); // else it is the pinned token's: the browser has no other
    const lines = [
      [`<abbr title="Entropy of the weights: 0 if one key has all, log₂ of their number if all are equal">Spread, bits</abbr>`, (row) => row.spread.toFixed(1)],
      [`<abbr title="Mean distance from the token to its keys, by weight">Reach, tokens</abbr>`, (row) => row.reach.toFixed(1)],
      ["Strongest", (row) => percent(row.most)],
    ];
    const table =
      `<thead><tr><th></th>${shown.map((kind) => `<th scope="col"><span class="${kind}">${NAMES[kind]}</span></th>`).join("")}</tr></thead><tbody>` +
      lines.map(([name, value]) => `<tr><th scope="row">${name}</th>${shown.map((kind) => `<td>${now(kind) ? value(rows[kind]) : "·"}</td>`).join("")}</tr>`).join("") +
      "</tbody>";
    const element = find(".words table");
    if (element.dataset.text !== table) element.innerHTML = element.dataset.text = table;
    const text = sentence(rows);
    const say = find(".words .say");
    if (say.dataset.text !== text) say.innerHTML = say.dataset.text = text;
  }

  function sentence({ local, global: far, hops }) {
    if (!far) return "";
    const place = boxOf("global", far.at);
    if (!local)
      return (
        `Of all tokens, the <b class="global">strongest key</b> is ${step(far.t, place)}, with ${percent(far.most)}: ${times(far)}. ` +
        `The average reach is ${far.reach.toFixed(1)} tokens.`
      );
    const near = boxOf("local", local.at, local.t);
    const what = data.cell > 1 ? "cell" : "token";
    const where = `the ${what} at row ${place[0] / data.cell + 1}, column ${place[1] / data.cell + 1}`;
    const size = windowOf(local.t)[2] * windowOf(local.t)[3];
    let text =
      `<b class="local">Nearby</b>, the strongest key is ${step(local.t, near)}: ${times(local, size)}. ` +
      `<b class="global">Far away</b>, it is ${where}: ${times(far)}. `;
    if (hops && String(hops.t) === String(local.t)) text += `<b>Two hops</b> reach ${hops.reach.toFixed(1)} tokens on average, the window ${local.reach.toFixed(1)}.`;
    return text;
  }

  function speak() {
    if (!data || panel !== "maps") return;
    const rows = Object.fromEntries(KINDS.map((kind) => [kind, rowOf(kind)]));
    const element = find(".aloud");
    const text = sentence(rows).replace(/<[^>]*>/g, "");
    if (element.textContent !== text) element.textContent = text;
  }

  const observer = new ResizeObserver(paint);
  observer.observe(root);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", paint);
  view.stop = () => {
    observer.disconnect();
    scheme.removeEventListener("change", paint);
    clearTimeout(waiting);
    delete root.view;
  };
  return view;
}

// Numbers in words.

function percent(share) {
  if (share === 0) return "0 %";
  if (share < 0.000995) return `${(100 * share).toPrecision(1)} %`;
  return share < 0.0995 ? `${(100 * share).toFixed(1)} %` : `${(100 * share).toFixed(0)} %`;
}

function step(from, to) {
  const [down, right] = [to[0] - from[0], to[1] - from[1]];
  const parts = [];
  if (down) parts.push(`${Math.abs(down)} ${down > 0 ? "down" : "up"}`);
  if (right) parts.push(`${Math.abs(right)} ${right > 0 ? "right" : "left"}`);
  return parts.join(", ") || "the token itself";
}

function times(row, keys = row.levels.length) {
  const share = row.most * keys;
  if (keys === 1) return "there is no other";
  if (share < 1.15) return "hardly more than an even share";
  return `${share < 9.95 ? share.toFixed(1) : share.toFixed(0)} times an even share`;
}

// Pictures.

function greyOf(image) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const c = canvas.getContext("2d");
  c.drawImage(image, 0, 0);
  const pixels = c.getImageData(0, 0, canvas.width, canvas.height);
  const d = pixels.data;
  for (let i = 0; i < d.length; i += 4) d[i] = d[i + 1] = d[i + 2] = 0.48 * (0.299 * d[i] + 0.587 * d[i + 1] + 0.114 * d[i + 2]);
  c.putImageData(pixels, 0, 0);
  return canvas;
}

const fontOf = (c) => getComputedStyle(c.canvas).fontFamily;

function frameOf(c, [top, left, height, width], step, line, colour = "#56B1F7") {
  c.strokeStyle = colour;
  c.lineWidth = line;
  const inset = line / 2;
  c.strokeRect(left * step + inset, top * step + inset, width * step - line, height * step - line);
}

function small(c, x, y, radius, dot) {
  const circle = (r, stroke, lineWidth) => {
    c.strokeStyle = stroke;
    c.lineWidth = lineWidth;
    c.beginPath();
    c.arc(x, y, r, 0, 7);
    c.stroke();
  };
  circle(radius, "#fff", 5.5);
  circle(radius, "#D0116F", 3);
  if (!dot) return;
  c.fillStyle = "#D0116F";
  c.beginPath();
  c.arc(x, y, Math.max(1.5, radius / 3), 0, 7);
  c.fill();
}

function sign(c, x, y, r, shape) {
  c.beginPath();
  if (shape === "square") c.rect(x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6);
  else {
    c.moveTo(x, y - r);
    c.lineTo(x + r, y);
    c.lineTo(x, y + r);
    c.lineTo(x - r, y);
    c.closePath();
  }
  c.lineWidth = 5;
  c.strokeStyle = "#10161D";
  c.stroke();
  c.lineWidth = 2.5;
  c.strokeStyle = "#fff";
  c.stroke();
}

// Beside the window, in the widest free side; null where it would hardly be larger.
function enlargedBox([top, left, height, width], [h, w]) {
  const margin = 0.03;
  const free = { left: left / w, right: 1 - (left + width) / w, above: top / h, below: 1 - (top + height) / h };
  const side = Object.keys(free).reduce((best, name) => (free[name] > free[best] ? name : best));
  const factor = Math.min(0.62, free[side] - 2 * margin) / Math.max(height / h, width / w);
  if (factor < 1.3) return null;
  const [tall, wide] = [height * factor, width * factor];
  let y = clamp(top + height / 2 - tall / 2, margin * h, (1 - margin) * h - tall);
  let x = clamp(left + width / 2 - wide / 2, margin * w, (1 - margin) * w - wide);
  if (side === "left") x = margin * w;
  if (side === "right") x = (1 - margin) * w - wide;
  if (side === "above") y = margin * h;
  if (side === "below") y = (1 - margin) * h - tall;
  return [y, x, tall, wide];
}

// As large as the map, in its middle, and of the window's shape.
function fitted([, , height, width], [h, w]) {
  const factor = Math.min(h / height, w / width);
  return [(h - height * factor) / 2, (w - width * factor) / 2, height * factor, width * factor];
}

function connectors(c, small, big, step) {
  const ends = ([top, left, height, width]) => [top, left, top + height, left + width];
  const [[t, l, b, r], [et, el, eb, er]] = [ends(small), ends(big)];
  let lines;
  if (er <= l) lines = [[et, er, t, l], [eb, er, b, l]];
  else if (el >= r) lines = [[et, el, t, r], [eb, el, b, r]];
  else if (eb <= t) lines = [[eb, el, t, l], [eb, er, t, r]];
  else lines = [[et, el, b, l], [et, er, b, r]];
  c.strokeStyle = "#56B1F7";
  c.lineWidth = 1;
  c.beginPath();
  for (const [y0, x0, y1, x1] of lines) {
    c.moveTo(x0 * step, y0 * step);
    c.lineTo(x1 * step, y1 * step);
  }
  c.stroke();
}

// Small maps. One of a block: { levels, shape, cell } with map 0 the mean and map i head i; `levels` of all maps one after the other.

const unpack = (maps) => (maps.bytes ??= bytes(maps.levels));

function levelsOf(maps, index) {
  const size = maps.shape[0] * maps.shape[1];
  return unpack(maps).subarray(index * size, (index + 1) * size);
}

// side: pixels; ground: the grey photograph's part under it (canvas, as fractions top, left, height, width), or null.
function thumbnail(canvas, side, maps, index, ramp, { grid: tokens, cell = 1, ring = null, ground = null, crop = [0, 0, 1, 1], query }) {
  const dense = Math.min(devicePixelRatio || 1, 3);
  const pixels = Math.round(side * dense);
  if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
  const c = canvas.getContext("2d");
  c.setTransform(1, 0, 0, 1, 0, 0);
  c.fillStyle = "#23272D";
  c.fillRect(0, 0, pixels, pixels);
  if (ground) {
    c.imageSmoothingEnabled = ground.width >= 100;
    c.drawImage(ground, crop[1] * ground.width, crop[0] * ground.height, crop[3] * ground.width, crop[2] * ground.height, 0, 0, pixels, pixels);
  }
  const [rows, columns] = maps.shape;
  const levels = levelsOf(maps, index);
  const edge = (i, sides) => Math.round((Math.min(i * cell, sides) / sides) * pixels);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const [top, left] = [edge(y, tokens[0]), edge(x, tokens[1])];
      c.fillStyle = ramp[Math.round((levels[y * columns + x] / 255) * (ramp.length - 1))];
      c.fillRect(left, top, edge(x + 1, tokens[1]) - left, edge(y + 1, tokens[0]) - top);
    }
  if (!ring) return;
  c.beginPath();
  c.arc(ring[1] * pixels, ring[0] * pixels, Math.max(pixels / 14, 3 * dense), 0, 7);
  c.fillStyle = query;
  c.fill();
  c.strokeStyle = "#fff";
  c.lineWidth = Math.max(pixels / 34, dense);
  c.stroke();
}

function headButton(stage, block, head, classes) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = classes;
  button.dataset.picked = JSON.stringify([stage, block, head]);
  const name = `Stage ${stage}, block ${block}, ${head ? `head ${head}` : "mean of the heads"}`;
  button.setAttribute("aria-label", name);
  button.title = name;
  return button;
}

// Arrow keys walk through a group of buttons that is one stop for Tab.
function walk(element) {
  element.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const buttons = [...element.querySelectorAll("button")];
    const next = buttons[(buttons.indexOf(event.target) + by + buttons.length) % buttons.length];
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  };
}

function mark(element, [stage, block, head]) {
  const buttons = [...element.querySelectorAll("button")];
  const wanted = JSON.stringify([stage, block, head]);
  const focused = buttons.some((button) => button.matches(":focus"));
  const first = buttons.find((button) => button.dataset.picked === wanted) ?? buttons.find((button) => button.dataset.picked.startsWith(`[${stage},${block},`));
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.picked === wanted));
    if (!focused) button.tabIndex = button === first ? 0 : -1;
  }
}

function buildStrip(element, strip, chosen, choose) {
  element.hidden = !strip;
  if (!strip) return;
  const offer = JSON.stringify(strip.map((block) => [block.stage, block.block, block.heads]));
  if (element.dataset.offer !== offer) {
    element.dataset.offer = offer;
    element.innerHTML = `<p class="title">The same place in every head <small>global map; below each block: stage.block; each map on its own scale</small></p>`;
    for (const block of strip) {
      const group = document.createElement("div");
      group.className = "block";
      group.dataset.block = JSON.stringify([block.stage, block.block]);
      const row = document.createElement("div");
      row.className = "row";
      for (let head = 1; head <= block.heads; head++) {
        const button = headButton(block.stage, block.block, head, "thumb");
        button.append(document.createElement("canvas"));
        row.append(button);
      }
      const name = document.createElement("span");
      name.textContent = `${block.stage}.${block.block}`;
      group.append(row, name);
      element.append(group);
    }
    walk(element);
  }
  for (const button of element.querySelectorAll("button")) button.onclick = () => choose(JSON.parse(button.dataset.picked));
  mark(element, chosen);
  for (const group of element.querySelectorAll(".block")) {
    const here = group.dataset.block === JSON.stringify(chosen.slice(0, 2));
    group.classList.toggle("chosen", here);
    group.classList.toggle("whole", here && chosen[2] === null);
  }
}

function drawStrip(element, strip, data, query) {
  if (!strip) return;
  const canvases = [...element.querySelectorAll("canvas")];
  let next = 0;
  for (const block of strip)
    for (let head = 1; head <= block.heads; head++)
      thumbnail(canvases[next++], 38, block.global, head, data.ramps.global, { grid: block.grid, cell: block.cell, ring: data.ring, query });
}

function buildHeads(element, data, choose) {
  const [stage, block] = data.chosen;
  const here = data.strip.find((one) => one.stage === stage && one.block === block);
  const offer = JSON.stringify([stage, block, data.strip.map((one) => [one.stage, one.block, one.heads, Boolean(one.local)])]);
  if (element.dataset.offer !== offer) {
    element.dataset.offer = offer;
    element.replaceChildren();
    const group = (title, small, name) => {
      const part = document.createElement("div");
      part.className = name;
      part.innerHTML = `<p class="title">${title} <small>${small}</small></p>`;
      part.setAttribute("role", "toolbar");
      part.setAttribute("aria-label", `${title}: arrow keys move, Enter chooses`);
      const row = document.createElement("div");
      row.className = "row";
      part.append(row);
      walk(part);
      element.append(part);
      return row;
    };
    const add = (row, one, head, name) => {
      const button = headButton(one.stage, one.block, head, "pair-of-maps");
      button.dataset.key = JSON.stringify([one.stage, one.block, head]);
      const maps = document.createElement("span");
      maps.className = "maps-of-one";
      if (one.local) maps.append(document.createElement("canvas"));
      maps.append(document.createElement("canvas"));
      const label = document.createElement("span");
      label.textContent = name;
      button.append(maps, label);
      row.append(button);
    };
    const windows = here.local ? "left: its window, enlarged; right: the global map" : "this stage has the global map alone";
    const heads = group(`Heads of block ${stage}.${block}`, windows, "all-heads");
    for (let head = here.heads > 1 ? 0 : 1; head <= here.heads; head++) add(heads, here, head || null, head ? `Head ${head}` : "Mean");
    const blocks = group("Blocks", "mean of the heads, from the first layer to the last", "all-blocks");
    for (const one of data.strip) add(blocks, one, null, `${one.stage}.${one.block}`);
  }
  for (const button of element.querySelectorAll("button")) button.onclick = () => choose(JSON.parse(button.dataset.picked));
  for (const part of element.children) mark(part, data.chosen);
}

function drawHeads(element, data, grey, query) {
  for (const button of element.querySelectorAll("button")) {
    const [stage, block, head] = JSON.parse(button.dataset.key);
    const one = data.strip.find((other) => other.stage === stage && other.block === block);
    const canvases = [...button.querySelectorAll("canvas")];
    const look = { ring: data.ring, ground: grey, query };
    if (one.local) {
      const [top, left, height, width] = one.window;
      const crop = [top / one.grid[0], left / one.grid[1], height / one.grid[0], width / one.grid[1]];
      const ring = [(data.ring[0] - crop[0]) / crop[2], (data.ring[1] - crop[1]) / crop[3]];
      thumbnail(canvases[0], canvases[0].clientWidth, one.local, head ?? 0, data.ramps.local, { ...look, grid: one.local.shape, ring, crop });
    }
    thumbnail(canvases.at(-1), canvases.at(-1).clientWidth, one.global, head ?? 0, data.ramps.global, { ...look, grid: one.grid, cell: one.cell });
  }
}
