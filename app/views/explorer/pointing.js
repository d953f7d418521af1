// Pointing at the maps: a key that is pointed at lights up on the photograph; a click, or Enter, makes it the query.

import { clamp, middle, placeIn } from "../../components/js/geometry.js";
import { arrow, chooses } from "../../components/js/keyboard.js";
import { find } from "../../components/js/view.js";

/** @param {HTMLElement} root @param {import("./store.js").Store} store @param {import("./store.js").Actions} actions */
export function pointing(root, store, { choose, paint }) {
  for (const kind of /** @type {const} */ (["local", "global", "hops", "lost"])) {
    const map = find(root, `.${kind} .map`);
    /** @param {MouseEvent} event */
    const keyUnder = (event) => store.keyAt(kind, placeIn(event, map.getBoundingClientRect(), store.data.grid));

    /** @param {?number} index */
    function point(index) {
      if (index === null ? !store.pointed : store.pointedAt(kind) === index) return;
      store.pointed = index === null ? null : { kind, index };
      paint();
    }

    /** @param {?number} index */
    function take(index) {
      if (index === null) return;
      if (kind === "lost") {
        store.held = index;
        return paint();
      }
      const row = store.row(kind);
      if (!row) return;
      store.pointed = null;
      choose(middle(store.box(kind, index, row.token)));
    }

    map.onpointermove = (event) => event.pointerType === "mouse" && point(keyUnder(event));
    map.onpointerleave = () => point(null);
    map.onblur = () => point(null);
    map.onclick = (event) => take(keyUnder(event));
    map.onkeydown = (event) => {
      const from = store.pointedAt(kind) ?? store.strongest(kind);
      if (event.key === "Escape") return point(null);
      const move = arrow(event);
      if (!move && !chooses(event)) return;
      event.preventDefault();
      if (!move) return take(from);
      const row = store.row(kind === "lost" ? "global" : kind);
      if (from === null || !row) return;
      const [down, right] = store.shape(kind, row.token);
      const across = store.across(kind);
      point(clamp(Math.floor(from / across) + move[0], 0, down - 1) * across + clamp((from % across) + move[1], 0, right - 1));
    };
  }
}
