// Small maps of the same place in every head and block: the strip below everything, and the panel "Heads & blocks".

import { bytes } from "../../components/js/bytes.js";
import { fill, photograph, surface } from "../../components/js/canvas.js";
import { onRamp } from "../../components/js/colours.js";
import { cellBoxes, fractions, rectOf } from "../../components/js/geometry.js";
import { sideways } from "../../components/js/keyboard.js";
import { queryDot } from "../../components/js/marks.js";
import { PALETTE } from "../../components/js/palette.js";
import { buttonsOf, find, findCanvas, isNew, make, makeButton, setLabel } from "../../components/js/view.js";
import { rowAndColumn } from "../../components/js/words.js";

/** @typedef {import("./store.js").Block} Block */
/** @typedef {import("./store.js").Chosen} Chosen */
/** @typedef {import("../../components/js/geometry.js").Pair} Pair */

const THUMB = 38; // CSS pixels

/** One map, 0..1 of its largest weight. @param {import("./store.js").SmallMaps} maps @param {number} index 0 for the mean, i for head i */
function levelsOf(maps, index) {
  const size = maps.shape[0] * maps.shape[1];
  maps.bytes ??= bytes(maps.levels);
  return Array.from(maps.bytes.subarray(index * size, (index + 1) * size), (level) => level / 255);
}

/**
 * ring: the query's place, as fractions. grid, cell: in tokens. ground: the photograph under it, and which part of it.
 * @param {HTMLCanvasElement} canvas @param {number} side @param {ArrayLike<number>} levels @param {string[]} ramp
 * @param {{ grid: Pair, cell?: number, ring: Pair, query: string, ground?: ?HTMLCanvasElement, crop?: import("../../components/js/geometry.js").Box }} look
 */
function thumbnail(canvas, side, levels, ramp, { grid, cell = 1, ring, query, ground = null, crop }) {
  const s = surface(canvas, side);
  photograph(s, ground, crop);
  const step = side / grid[1];
  fill(s, cellBoxes(cell, grid).map((box) => rectOf(box, step)), (i) => onRamp(ramp, levels[i]));
  queryDot(s, [ring[1] * side, ring[0] * side], query);
}

/** @param {Block} one @param {?number} head @param {string} name its class */
function headButton(one, head, name) {
  const button = makeButton(name);
  button.dataset.picked = JSON.stringify([one.stage, one.block, head]);
  button.title = `Stage ${one.stage}, block ${one.block}, ${head ? `head ${head}` : "mean of the heads"}`;
  return button;
}

/** Where a map has its largest weight. @param {number[]} levels @param {Pair} shape @param {ArrayLike<number>} [from] the first key's place */
function strongest(levels, [, across], from = [0, 0]) {
  const at = levels.indexOf(Math.max(...levels));
  return rowAndColumn([from[0] + Math.floor(at / across), from[1] + (at % across)]);
}

/** A global map in words. @param {Block} one @param {number[]} levels @param {Pair} ring */
function globalWords({ global, cell, grid }, levels, ring) {
  const query = rowAndColumn([Math.floor(ring[0] * grid[0]), Math.floor(ring[1] * grid[1])]);
  return `the token in ${query} reads most the ${cell > 1 ? "cell" : "token"} in ${strongest(levels, global.shape)}`;
}

/** Arrow keys walk through a group of buttons that is one stop for Tab. @param {HTMLElement} element */
function walk(element) {
  element.onkeydown = (event) => {
    const by = sideways(event);
    if (!by) return;
    event.preventDefault();
    const buttons = buttonsOf(element);
    const next = buttons[(buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target)) + by + buttons.length) % buttons.length];
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  };
}

/** Mark the chosen one; Tab stops at it, or at the first of its block. @param {Element} element @param {Chosen} chosen */
function mark(element, chosen) {
  const buttons = buttonsOf(element);
  const wanted = JSON.stringify(chosen);
  const focused = buttons.some((button) => button.matches(":focus"));
  const ofBlock = `[${chosen[0]},${chosen[1]},`;
  const stop = buttons.find(({ dataset }) => dataset.picked === wanted) ?? buttons.find(({ dataset }) => dataset.picked?.startsWith(ofBlock));
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.picked === wanted));
    if (!focused) button.tabIndex = button === stop ? 0 : -1;
  }
}

/** @param {HTMLElement} root @param {import("./store.js").Store} store @param {import("./store.js").Actions} actions */
export function headMaps(root, store, { tell, theme }) {
  const [strip, panel] = [find(root, ".strip .blocks"), find(root, "[data-panel=heads]")];

  function buildStrip() {
    const blocks = store.data.strip;
    find(root, ".strip").hidden = !blocks;
    if (!blocks || !isNew(strip, JSON.stringify(blocks.map(({ stage, block, heads }) => [stage, block, heads])))) return;
    strip.replaceChildren();
    for (const one of blocks) {
      const group = make("div", "block", `<div class="row"></div><span>${one.stage}.${one.block}</span>`);
      group.dataset.block = JSON.stringify([one.stage, one.block]);
      for (let head = 1; head <= one.heads; head++) {
        const button = headButton(one, head, "thumb");
        button.append(make("canvas"));
        group.children[0].append(button);
      }
      strip.append(group);
    }
    walk(strip);
  }

  /** A row of maps with a title. @param {string} name its class @param {string} title @param {string} small */
  function addGroup(name, title, small) {
    const group = make("div", name, `<p class="title">${title} <small>${small}</small></p><div class="row"></div>`);
    group.setAttribute("role", "toolbar");
    group.setAttribute("aria-label", `${title}: arrow keys move, Enter chooses`);
    walk(group);
    panel.append(group);
    return group.children[1];
  }

  /** Both maps of a block or head. @param {Element} row @param {Block} one @param {?number} head @param {string} name */
  function addPair(row, one, head, name) {
    const button = headButton(one, head, "pair-of-maps");
    button.innerHTML = `<span class="maps-of-one">${"<canvas></canvas>".repeat(one.local ? 2 : 1)}</span><span>${name}</span>`;
    row.append(button);
  }

  /** @param {Block[]} blocks */
  function buildPanel(blocks) {
    const [stage, block] = store.data.chosen;
    const here = blocks.find((one) => one.stage === stage && one.block === block);
    const offer = [stage, block, blocks.map((one) => [one.stage, one.block, one.heads, Boolean(one.local)])];
    if (!here || !isNew(panel, JSON.stringify(offer))) return;
    panel.replaceChildren();
    const what = here.local ? "left: its window, enlarged; right: the global map" : "this stage has the global map alone";
    const heads = addGroup("all-heads", `Heads of block ${stage}.${block}`, what);
    if (here.heads > 1) addPair(heads, here, null, "Mean");
    for (let head = 1; head <= here.heads; head++) addPair(heads, here, head, `Head ${head}`);
    const all = addGroup("all-blocks", "Blocks", "mean of the heads, from the first to the last");
    for (const one of blocks) addPair(all, one, null, `${one.stage}.${one.block}`);
  }

  return {
    build() {
      const { strip: blocks, chosen } = store.data;
      buildStrip();
      if (blocks && store.panel === "heads") buildPanel(blocks);
      for (const part of [strip, ...panel.children]) {
        mark(part, chosen);
        for (const button of buttonsOf(part)) button.onclick = () => tell({ head: JSON.parse(button.dataset.picked ?? "") });
      }
      for (const group of /** @type {NodeListOf<HTMLElement>} */ (strip.querySelectorAll(".block"))) {
        const here = group.dataset.block === JSON.stringify(chosen.slice(0, 2));
        group.classList.toggle("chosen", here);
        group.classList.toggle("whole", here && chosen[2] === null);
      }
    },

    drawStrip() {
      const buttons = buttonsOf(strip);
      const look = { ring: store.data.ring, query: theme("query") };
      let next = 0;
      for (const one of store.data.strip ?? [])
        for (let head = 1; head <= one.heads; head++) {
          const button = buttons[next++];
          const levels = levelsOf(one.global, head);
          thumbnail(findCanvas(button), THUMB, levels, PALETTE.ramps.global, { ...look, grid: one.grid, cell: one.cell });
          setLabel(button, `${button.title}: ${globalWords(one, levels, look.ring)}`);
        }
    },

    /** The panel. */
    draw() {
      const { ring, strip: blocks } = store.data;
      const look = { ring, query: theme("query"), ground: store.grey };
      for (const button of buttonsOf(panel)) {
        const [stage, block, head] = /** @type {Chosen} */ (JSON.parse(button.dataset.picked ?? ""));
        const one = blocks?.find((other) => other.stage === stage && other.block === block);
        if (!one) continue;
        const canvases = [...button.querySelectorAll("canvas")];
        const side = canvases[0].clientWidth;
        const { global, local, window, grid, cell } = one;
        const far = levelsOf(global, head ?? 0);
        let said = globalWords(one, far, ring);
        if (local && window) {
          const crop = fractions(window, grid);
          /** @type {Pair} */
          const place = [(ring[0] - crop[0]) / crop[2], (ring[1] - crop[1]) / crop[3]];
          const near = levelsOf(local, head ?? 0);
          thumbnail(canvases[0], side, near, PALETTE.ramps.local, { ...look, grid: local.shape, ring: place, crop });
          said += `, and in its window the token in ${strongest(near, local.shape, window)}`;
        }
        thumbnail(canvases[canvases.length - 1], side, far, PALETTE.ramps.global, { ...look, grid, cell });
        setLabel(button, `${button.title}: ${said}`);
      }
    },
  };
}
