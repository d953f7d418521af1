// percent and offset are held against app/core/words.py by tests/app/components/test_javascript.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exactPercent, minus, plainText, rowAndColumn, timesEven } from "../../app/components/js/words.js";

test("small weights keep one digit that says something", () => {
  assert.deepEqual([0, 0.00002, 0.00099, 0.001, 0.0834, 0.4149].map(exactPercent), ["0 %", "0.002 %", "0.1 %", "0.1 %", "8.3 %", "41 %"]);
});

test("a largest weight against the even share", () => {
  assert.equal(timesEven(1, 1), "there is no other");
  assert.equal(timesEven(0.0625, 16), "hardly more than an even share");
  assert.equal(timesEven(0.33, 16), "5.3 times an even share");
  assert.equal(timesEven(0.36, 64), "23 times an even share");
});

test("places count from 1, and a minus is one", () => {
  assert.equal(rowAndColumn([4, 0]), "row 5, column 1");
  assert.equal(minus(-1.5), "−1.5");
  assert.equal(plainText('<b class="local">Near</b> by'), "Near by");
});
