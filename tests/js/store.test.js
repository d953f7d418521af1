import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { keepSheet, sheetOf } from "../../app/views/explorer/sheets.js";
import { Store, weightOf } from "../../app/views/explorer/store.js";

const base64 = (array) => Buffer.from(array.buffer).toString("base64");

/** A sheet of `tokens` rows: token t has its largest weight, t / 100, at key t % keys. */
function sheet(key, tokens, keys, only = null) {
  const levels = new Uint8Array(tokens * keys);
  const told = new Float32Array(4 * tokens);
  for (let t = 0; t < tokens; t++) {
    levels[t * keys + (t % keys)] = 255;
    told.set([1, 2, t / 100, t % keys], 4 * t);
  }
  return { key, body: { levels: base64(levels), told: base64(told), keys, only } };
}

let store;
beforeEach(() => {
  store = new Store(null);
  const sheets = { local: sheet("local", 70, 9), global: sheet("global", 70, 12), hops: sheet("hops", 1, 70, 13) };
  sheets.hops.body.inside = base64(new Float32Array([0.375]));
  Object.values(sheets).forEach(keepSheet);
  store.data = { grid: [7, 10], window: [3, 3], cell: 3, token: [1, 3], sheets };
  store.token = [1, 3];
});

test("a row is that of the token pointed at, else of the pinned one", () => {
  store.hover = [6, 9];
  assert.deepEqual(store.row("global").token, [6, 9]);
  assert.equal(store.row("global").at, 69 % 12);
  assert.ok(Math.abs(weightOf(store.row("global"), 69 % 12) - 0.69) < 1e-6);
  assert.equal(weightOf(store.row("global"), 0), 0);
  assert.deepEqual(store.row("hops").token, [1, 3], "the browser has no other row of two hops");
  assert.deepEqual([store.row("hops").inside, store.row("global").inside], [0.375, undefined]);
  assert.equal(store.row("pooling"), null);
});

test("keys lie in the token's window, in the grid of cells, on the tokens", () => {
  assert.deepEqual(store.box("local", 5, [4, 4]), [4, 5, 1, 1]);
  assert.deepEqual(store.box("global", 11, [0, 0]), [6, 9, 1, 1]);
  assert.deepEqual(store.box("hops", 25, [0, 0]), [2, 5, 1, 1]);
  assert.deepEqual(store.shape("local", [6, 9]), [1, 1], "this window is cut off at two edges");
  assert.deepEqual([store.shape("lost", [0, 0]), store.shape("hops", [0, 0])], [[3, 4], [7, 10]]);
});

test("a place on a map finds its key, in the window and in its enlargement", () => {
  assert.equal(store.keyAt("hops", [2.5, 5.5]), 25);
  assert.equal(store.keyAt("lost", [6.9, 9.9]), 11);
  assert.equal(store.keyAt("local", [1.5, 4.5]), 4); // the window of [1, 3]: rows 0 to 2, columns 3 to 5
  assert.equal(store.keyAt("local", [6.5, 9.5]), null);
  store.enlarged = [1, 7, 6, 3];
  assert.equal(store.keyAt("local", [6.5, 9.5]), 8);
});

test("the chosen cell is pointed at, else held, else the strongest", () => {
  assert.equal(store.chosenCell, 13 % 12);
  store.held = 7;
  assert.equal(store.chosenCell, 7);
  store.pointed = { kind: "lost", index: 2 };
  assert.equal(store.chosenCell, 2);
  store.pointed = { kind: "global", index: 3 };
  assert.deepEqual([store.chosenCell, store.pointedAt("global"), store.pointedAt("lost")], [7, 3, null]);
});

test("the browser keeps the sheets that were used last", () => {
  for (let i = 0; i < 23; i++) {
    keepSheet(sheet(`sheet ${i}`, 1, 1));
    keepSheet({ key: "local" }); // used again
  }
  assert.ok(sheetOf({ key: "local" }));
  assert.equal(sheetOf({ key: "global" }), undefined);
  assert.ok(sheetOf({ key: "sheet 22" }));
});
