import assert from "node:assert/strict";
import { test } from "node:test";
import { arrow, chooses, moved, sideways } from "../../app/components/js/keyboard.js";

test("arrows are down and right; with Ctrl, Alt or Meta they are the browser's", () => {
  assert.deepEqual(arrow({ key: "ArrowUp" }), [-1, 0]);
  assert.deepEqual(arrow({ key: "ArrowRight" }), [0, 1]);
  assert.equal(arrow({ key: "a" }), null);
  for (const held of ["ctrlKey", "altKey", "metaKey"]) assert.equal(arrow({ key: "ArrowUp", [held]: true }), null);
  assert.deepEqual(["ArrowLeft", "ArrowRight", "ArrowUp", "x"].map((key) => sideways({ key })), [-1, 1, 0, 0]);
  assert.ok(chooses({ key: "Enter" }) && chooses({ key: " " }) && !chooses({ key: "e" }));
});

test("a token moves by one, with Shift by a window, and stays on the map", () => {
  const press = (key, shiftKey = false) => moved({ key, shiftKey }, [4, 7], [16, 11], [4, 5]);
  assert.deepEqual(press("ArrowDown"), [5, 7]);
  assert.deepEqual(press("ArrowUp", true), [0, 7]);
  assert.deepEqual(press("ArrowRight", true), [4, 10]);
  assert.equal(press("Enter"), null);
  assert.deepEqual(moved({ key: "ArrowLeft", shiftKey: true }, [0, 2], [3, 3]), [0, 1], "one token where there are no windows");
});
