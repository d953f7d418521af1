import assert from "node:assert/strict";
import { test } from "node:test";
import { css, luminance, mix, onRamp, rgbOf } from "../../app/components/js/colours.js";

test("colours are read, mixed and written", () => {
  assert.deepEqual(rgbOf("rgb(1, 20, 255)"), [1, 20, 255]);
  assert.deepEqual(rgbOf("rgba(1, 20, 255, 0.5)"), [1, 20, 255]);
  assert.equal(css(mix([0, 0, 0], [100, 200, 50], 0.5), 0.4), "rgba(50,100,25,0.4)");
  assert.equal(luminance("rgb(255, 255, 255)"), 1);
});

test("a level finds its place on a ramp, and none beyond its ends", () => {
  assert.deepEqual([-1, 0, 0.5, 1, 7].map((level) => onRamp(["a", "b", "c"], level)), ["a", "a", "b", "c", "c"]);
});
