// percent and offset are held against app/core/words.py by tests/app/components/test_javascript.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { minus, percent, plainText, rowAndColumn, timesEven, withoutMeanings } from "../../app/components/js/words.js";

test("small weights keep one digit that says something", () => {
  const said = { 0: "0 %", 2e-9: "< 0.01 %", 0.00009: "< 0.01 %", 0.0004: "0.04 %", 0.00099: "0.1 %", 0.001: "0.1 %", 0.0834: "8.3 %", 0.4149: "41 %" };
  for (const [weight, words] of Object.entries(said)) assert.equal(percent(Number(weight)), words);
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

test("a word of the glossary, without its button and its meaning", () => {
  const cell = '<button type="button" class="term" popovertarget="c">cells</button><span popover id="c" class="meaning"><b>cell</b>: a square.</span>';
  assert.equal(withoutMeanings(`<b>All ${cell}</b> and ${cell}.`), "<b>All cells</b> and cells.");
  assert.equal(plainText(`<b>All ${cell}</b>`), "All cells");
});
