import assert from "node:assert/strict";
import { test } from "node:test";

import { resting } from "../../app/components/js/steps.js";

/** Times at which the visitor acts and new states are shown -> which of these are steps. */
function stepsOf(...events) {
  const visitor = resting();
  return events.flatMap(([what, now, how = {}]) => {
    if (what === "shown") return [visitor.show(now)];
    if (what === "back") visitor.goBack();
    else visitor.act(now, { idle: true, arrow: what === "arrow", ...how });
    return [];
  });
}

test("what is shown before the visitor does anything is no step", () => {
  assert.deepEqual(stepsOf(["shown", 300], ["shown", 9000]), [false, false]);
});

test("a state is a step of its own after a rest of a second, and not before", () => {
  assert.deepEqual(stepsOf(["click", 0], ["shown", 100], ["click", 1000], ["shown", 1100]), [true, true]);
  assert.deepEqual(stepsOf(["click", 0], ["shown", 100], ["click", 990], ["shown", 1100]), [true, false]);
});

test("a run of arrow keys is one step, however late and however seldom the server answers", () => {
  const keys = Array.from({ length: 20 }, (_, i) => ["arrow", 300 * i]);
  for (const slow of [1, 4, 7]) {
    const answered = keys.flatMap((key, i) => (i % slow === slow - 1 ? [key, ["shown", key[1] + 250]] : [key]));
    assert.deepEqual(stepsOf(...answered), answered.filter(([what]) => what === "shown").map((_, i) => i === 0));
  }
});

test("a run of clicks is one step while the server is behind", () => {
  const busy = { idle: false };
  assert.deepEqual(stepsOf(["click", 0], ["click", 600, busy], ["shown", 700], ["click", 1200, busy], ["click", 1800, busy], ["shown", 2500]), [true, false]);
});

test("a state that stands while the visitor tabs to another control is a step", () => {
  const tabs = [0, 1, 2, 3].map((i) => ["tab", 300 + 300 * i]);
  assert.deepEqual(stepsOf(["click", 0], ["shown", 100], ...tabs, ["click", 1400], ["shown", 1500]), [true, true]);
});

test("one choice that changes the address twice is one step", () => {
  assert.deepEqual(stepsOf(["click", 0], ["shown", 50], ["shown", 2000]), [true, false]);
});

test("Back is no step, though a key is pressed for it; what is done next is one, however soon", () => {
  assert.deepEqual(stepsOf(["click", 0], ["shown", 50], ["arrow", 2000], ["back"], ["shown", 2100], ["arrow", 2200], ["shown", 2300]), [true, false, true]);
});
