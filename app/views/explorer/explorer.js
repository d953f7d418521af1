// The Explorer. It holds the rows of all tokens, so that a hover redraws every map here, without a question to the server.

import { themeOf } from "../../components/js/colours.js";
import { inside, same } from "../../components/js/geometry.js";
import { turns } from "../../components/js/turns.js";
import { attach, watch } from "../../components/js/view.js";
import { controls } from "./controls.js";
import { headMaps } from "./heads.js";
import { maps } from "./maps.js";
import { paths } from "./paths.js";
import { photo } from "./photo.js";
import { pointing } from "./pointing.js";
import { pooling } from "./pooling.js";
import { seam } from "./seam.js";
import { keepSheet, sheetOf } from "./sheets.js";
import { Store, weightOf } from "./store.js";
import { summary } from "./summary.js";

/** @param {import("../../components/js/view.js").Component} component */
export default function mount(component) {
  return attach(component, ".explorer", start);
}

/** @param {HTMLElement} root @param {(picked: unknown) => void} send */
function start(root, send) {
  const store = new Store(new Image());
  const server = turns(send, { patience: 8000, slow: (on) => root.classList.toggle("busy", on) });
  let queued = 0;
  let missing = ""; // sheets that were asked for again

  /** @type {import("./store.js").Actions} */
  const actions = {
    tell(change) {
      if (!store.data.offline) server.ask(change);
    },
    choose(token) {
      if (same(token, store.token)) return actions.paint();
      store.token = token;
      store.held = null;
      const [h, w] = store.data.grid;
      actions.tell({ place: [(token[0] + 0.5) / h, (token[1] + 0.5) / w] });
      words.speak();
      actions.paint();
    },
    paint() {
      if (!queued) queued = requestAnimationFrame(render);
    },
    theme: themeOf(root),
  };
  const words = summary(root, store);
  const photograph = photo(root, store, actions);
  const heads = headMaps(root, store, actions);
  const ways = paths(root, store, actions);
  const choices = controls(root, store, actions, changePanel);
  /** @type {Record<string, () => void>} */
  const panels = { maps: maps(root, store), pooling: pooling(root, store, actions), seam: seam(root, store, actions), heads: heads.draw };
  pointing(root, store, actions);

  function build() {
    choices.build();
    photograph.build();
    heads.build();
    ways.build();
  }

  /** @param {string} panel */
  function changePanel(panel) {
    store.panel = panel;
    store.pointed = null;
    actions.tell({ panel });
    build();
    render();
  }

  function render() {
    cancelAnimationFrame(queued);
    queued = 0;
    if (!store.data) return;
    photograph.draw();
    panels[store.panel]?.();
    if (store.panel === "maps") words.show();
    ways.draw();
    heads.drawStrip();
    root.dataset.token = String(store.token);
    root.dataset.active = String(store.active);
  }

  const unwatch = watch(root, actions.paint);

  return {
    receive(/** @type {import("./store.js").Data} */ fresh) {
      const before = store.data;
      const sent = Object.values(fresh.sheets).filter((sheet) => !!sheet);
      sent.forEach(keepSheet);
      if (before?.photos.sharp !== fresh.photos.sharp) store.held = store.pointed = null;
      if (before && (!same(before.grid, fresh.grid) || before.cell !== fresh.cell)) store.hover = store.pointed = store.held = null;
      store.data = fresh;
      photograph.load();
      const current = server.receive(fresh.turn);
      if (!before || current || !inside(store.token, fresh.grid)) store.token = fresh.token;
      if (!before || current) store.panel = fresh.panel;
      const lost = sent.filter((sheet) => !sheetOf(sheet)).map((sheet) => sheet.key);
      if (lost.length && String(lost) !== missing) actions.tell({ need: lost });
      missing = String(lost);
      build();
      words.speak();
      render();
    },
    stop() {
      unwatch();
      server.stop();
    },
    /** For tests, and for people who look: the weights on screen, and whose they are. @param {import("./store.js").Kind} kind */
    read(kind) {
      const row = store.row(kind);
      const weights = row && Array.from(row.levels, (_, index) => weightOf(row, index));
      return row && { token: [...row.token], weights, spread: row.spread, reach: row.distance };
    },
  };
}
