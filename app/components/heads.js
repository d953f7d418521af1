// Small global maps, one for each head, in the colours of the large one; each is scaled to its own strongest cell.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".heads");
  const shape = JSON.stringify(data.blocks.map((block) => [block.name, block.maps.length]));
  if (root.dataset.shape !== shape) build(root, data);
  root.dataset.shape = shape;
  root.choose = (picked) => setStateValue("picked", picked);
  update(root, data);
}

function build(root, data) {
  root.replaceChildren();
  for (const block of data.blocks) {
    const group = document.createElement("div");
    group.className = "block";
    const row = document.createElement("div");
    row.className = "row";
    block.maps.forEach((_, head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.picked = JSON.stringify([block.stage, block.block, head + 1]);
      button.setAttribute("aria-label", `Stage ${block.stage}, block ${block.block}, head ${head + 1}`);
      button.title = `Stage ${block.stage}, block ${block.block}, head ${head + 1}`;
      button.append(document.createElement("canvas"));
      button.onclick = () => root.choose(JSON.parse(button.dataset.picked));
      row.append(button);
    });
    const name = document.createElement("span");
    name.textContent = block.name;
    group.append(row, name);
    root.append(group);
  }
  const swatch = document.createElement("i");
  swatch.className = "swatch";
  root.append(swatch);
  root.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const buttons = [...root.querySelectorAll("button")];
    const here = buttons.indexOf(event.target);
    const next = buttons[(here + by + buttons.length) % buttons.length];
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  };
}

function update(root, data) {
  const [stage, block, head] = data.chosen;
  const query = getComputedStyle(root.querySelector(".swatch")).color;
  const buttons = [...root.querySelectorAll("button")];
  const wanted = JSON.stringify([stage, block, head ?? 1]);
  const focused = buttons.some((button) => button.matches(":focus"));
  const maps = data.blocks.flatMap((block) => block.maps);
  buttons.forEach((button, index) => {
    const picked = button.dataset.picked;
    button.setAttribute("aria-pressed", String(head !== null && picked === wanted));
    if (!focused) button.tabIndex = picked === wanted ? 0 : -1; // one stop for Tab, arrows inside
    draw(button.firstChild, maps[index], data.ramp, data.ring, query);
  });
  root.querySelectorAll(".block").forEach((group, index) => {
    const here = data.blocks[index].stage === stage && data.blocks[index].block === block;
    group.classList.toggle("chosen", here);
    group.classList.toggle("whole", here && head === null);
  });
}

function draw(canvas, map, ramp, ring, query) {
  const side = 38 * Math.min(devicePixelRatio || 1, 3);
  canvas.width = canvas.height = Math.round(side);
  const c = canvas.getContext("2d");
  c.fillStyle = "#23272D";
  c.fillRect(0, 0, side, side);
  const most = Math.max(...map.flat());
  map.forEach((row, y) =>
    row.forEach((weight, x) => {
      c.fillStyle = ramp[Math.round((weight / most) * (ramp.length - 1))];
      const left = Math.round((x * side) / row.length);
      const top = Math.round((y * side) / map.length);
      c.fillRect(left, top, Math.round(((x + 1) * side) / row.length) - left, Math.round(((y + 1) * side) / map.length) - top);
    }),
  );
  c.beginPath();
  c.arc(ring[1] * side, ring[0] * side, side / 11, 0, 7);
  c.fillStyle = query;
  c.fill();
  c.strokeStyle = "#fff";
  c.lineWidth = side / 30;
  c.stroke();
}
