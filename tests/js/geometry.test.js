import assert from "node:assert/strict";
import { test } from "node:test";
import {
  besideRect, cellBox, cellBoxes, cellGrid, common, connectors, enlargedBox, fittedBox, overlap, parts, placeIn, rectOf, squareAround, windowOf,
} from "../../app/components/js/geometry.js";

const GRID = [16, 16];

test("windows and cells that do not divide the grid end at its edge", () => {
  assert.deepEqual(windowOf([9, 3], [5, 5], GRID), [5, 0, 5, 5]);
  assert.deepEqual(windowOf([15, 3], [5, 5], GRID), [15, 0, 1, 5]);
  assert.deepEqual(cellGrid(5, [16, 11]), [4, 3]);
  assert.deepEqual(cellBox(11, 5, [16, 11]), [15, 10, 1, 1]);
});

test("cells cover each token once", () => {
  const covered = cellBoxes(3, [7, 11]).flatMap(([top, left, h, w]) =>
    Array.from({ length: h * w }, (_, i) => `${top + Math.floor(i / w)},${left + (i % w)}`),
  );
  assert.equal(covered.length, 77);
  assert.equal(new Set(covered).size, 77);
});

test("a place on an element never leaves the grid", () => {
  const frame = { left: 100, top: 50, width: 200, height: 100 };
  const at = (x, y) => placeIn({ clientX: x, clientY: y }, frame, [10, 20]).map(Math.floor);
  assert.deepEqual(at(100, 50), [0, 0]);
  assert.deepEqual(at(199, 99), [4, 9]);
  assert.deepEqual(at(300, 150), [9, 19]);
  assert.deepEqual(at(0, 900), [9, 0]);
});

test("parts of a rectangle lie row by row", () => {
  const cells = parts({ x: 10, y: 20, w: 30, h: 20 }, [2, 3]);
  assert.deepEqual(cells[0], { x: 10, y: 20, w: 10, h: 10 });
  assert.deepEqual(cells[5], { x: 30, y: 30, w: 10, h: 10 });
});

test("an enlarged window keeps its shape, covers nothing of itself and stays in the picture", () => {
  for (let g1 = 1; g1 <= 16; g1++)
    for (let top = 0; top < 16; top += g1)
      for (let left = 0; left < 16; left += g1) {
        const window = windowOf([top, left], [g1, g1], GRID);
        const large = enlargedBox(window, GRID);
        if (!large) continue;
        assert.equal(overlap(rectOf(window, 1), rectOf(large, 1)), 0);
        assert.ok(large[0] >= 0 && large[1] >= 0 && large[0] + large[2] <= 16 && large[1] + large[3] <= 16);
        assert.ok(Math.abs(large[2] / large[3] - window[2] / window[3]) < 1e-9);
      }
  assert.equal(enlargedBox([0, 0, 16, 16], GRID), null);
});

test("where there is no room beside it, a window is fitted to the map", () => {
  assert.deepEqual(fittedBox([4, 8, 4, 4], GRID), [0, 0, 16, 16]);
  assert.deepEqual(fittedBox([0, 0, 2, 4], GRID), [4, 0, 8, 16]);
});

test("connectors join the corners that face each other", () => {
  const small = { x: 10, y: 10, w: 4, h: 4 };
  assert.deepEqual(connectors(small, { x: 20, y: 5, w: 12, h: 12 }), [[20, 5, 14, 10], [20, 17, 14, 14]]);
  assert.deepEqual(connectors(small, { x: 0, y: 5, w: 8, h: 8 }), [[8, 5, 10, 10], [8, 13, 10, 14]]);
  assert.deepEqual(connectors(small, { x: 8, y: 0, w: 8, h: 8 }), [[8, 8, 10, 10], [16, 8, 14, 10]]);
  assert.deepEqual(connectors(small, { x: 8, y: 20, w: 8, h: 8 }), [[8, 20, 10, 14], [16, 20, 14, 14]]);
});

test("a square round a box is moved into the map", () => {
  assert.deepEqual(squareAround([0, 14, 2, 2], 4, GRID), [0, 12, 4, 4]);
  assert.deepEqual(squareAround([6, 6, 2, 2], 4, GRID), [5, 5, 4, 4]);
});

test("a label stands beside its rectangle, in the picture and off what it must avoid", () => {
  const rect = { x: 40, y: 40, w: 20, h: 20 };
  const within = [200, 200];
  const free = besideRect([50, 22], rect, [], [500, 500], within);
  assert.equal(overlap(free, rect), 0);
  const blocked = besideRect([50, 22], rect, [free], [500, 500], within);
  assert.equal(overlap(blocked, free), 0);
  const corner = besideRect([50, 22], { x: 190, y: 190, w: 10, h: 10 }, [], [0, 0], within);
  assert.ok(corner.x + corner.w <= 196 && corner.y + corner.h <= 196);
});

test("two boxes share what lies in both", () => {
  assert.deepEqual(common([4, 12, 4, 4], [6, 12, 2, 2]), [6, 12, 2, 2]);
  assert.deepEqual(common([0, 0, 5, 5], [3, 3, 3, 3]), [3, 3, 2, 2]);
});
