import assert from "node:assert/strict";
import { test } from "node:test";
import { marked, meaning, shapeOf } from "../../app/views/equations/indices.js";

const scores = { values: [[0, 0, 0], [0, 0, 0]], rows: ["head", [4, 5]], columns: ["key", [7, 8, 9]] };
const map = { values: [[0, 0, 0], [0, 0, 0]], cells: ["key", [[7, 7, 8], [7, 7, -1]]] };

test("a cell stands for the indices of its row, column or place", () => {
  assert.deepEqual(meaning(scores, 1, 2), { head: 5, key: 9 });
  assert.deepEqual(meaning(map, 1, 1), { key: 7 });
  assert.deepEqual(meaning(map, 1, 2), {}, "-1: it has none");
  assert.deepEqual(meaning(undefined, 0, 0), {});
});

test("panels mark what agrees: a row, a column, a cell, an area", () => {
  assert.deepEqual(marked(scores, { head: 4 }), [[0, 0, 1, 3]]);
  assert.deepEqual(marked(scores, { key: 8 }), [[0, 1, 2, 1]]);
  assert.deepEqual(marked(scores, { head: 5, key: 9 }), [[1, 2, 1, 1]]);
  assert.deepEqual(marked(scores, { key: 3 }), []);
  assert.deepEqual(marked(scores, { channel: 3 }), []);
  assert.deepEqual(marked(map, { key: 7 }), [[0, 0, 2, 2]]);
  assert.deepEqual(marked(map, { channel: 1 }), []);
});

test("a panel may be larger or smaller than its numbers", () => {
  assert.deepEqual(shapeOf(map), [2, 3]);
  assert.deepEqual(shapeOf({ ...map, size: [1.5, 2.5] }), [1.5, 2.5]);
});
