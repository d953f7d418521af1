import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { turns } from "../../app/components/js/turns.js";

function conversation(options) {
  const sent = [];
  return { sent, server: turns((question) => sent.push(question), options) };
}

test("one question at a time; what is chosen meanwhile goes out together", (t) => {
  t.after(() => server.stop());
  const { sent, server } = conversation();
  server.ask({ token: 1 });
  server.ask({ token: 2 });
  server.ask({ panel: "seam" });
  server.ask({ token: 3 });
  assert.deepEqual(sent, [{ token: 1, turn: 1 }]);
  assert.equal(server.receive(1), false, "the answer to an older choice must not undo the last");
  assert.deepEqual(sent[1], { token: 3, panel: "seam", turn: 4 });
  assert.equal(server.receive(4), true);
  assert.equal(sent.length, 2);
});

test("an answer that comes twice, or late, asks nothing", (t) => {
  t.after(() => server.stop());
  const { sent, server } = conversation();
  server.ask({ token: 1 });
  server.receive(1);
  server.receive(1);
  assert.equal(server.receive(0), false);
  assert.equal(sent.length, 1);
});

test("a page that starts anew goes on from the server's turn", (t) => {
  t.after(() => server.stop());
  const { sent, server } = conversation();
  assert.equal(server.receive(7), true);
  assert.equal(sent.length, 0);
  server.ask({ token: 1 });
  assert.deepEqual(sent, [{ token: 1, turn: 8 }]);
});

test("a lost answer does not lock the page, and a slow one is told", (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const slow = [];
  const { sent, server } = conversation({ patience: 3000, slow: (on) => slow.push(on) });
  server.ask({ token: 1 });
  server.ask({ token: 2 });
  mock.timers.tick(399);
  assert.deepEqual(slow, []);
  mock.timers.tick(1);
  assert.deepEqual(slow, [true]);
  mock.timers.tick(2600);
  assert.deepEqual(slow, [true, false]);
  assert.deepEqual(sent[1], { token: 2, turn: 2 });
  server.stop();
  mock.timers.tick(10000);
  assert.equal(sent.length, 2);
});
