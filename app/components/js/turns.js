// Talking with the server in turns: one question at a time. Another would stop it in the middle of its last answer, and the picture
// would flicker or lag. What is chosen meanwhile is gathered and sent with the next question.

/**
 * @param {(question: Record<string, unknown>) => void} send gets what was asked, and `turn`, which the server's answer repeats
 * @param {{ patience?: number, slow?: (on: boolean) => void }} [options] patience: milliseconds after which an answer counts as lost,
 *   so that it does not lock the page. slow: told when an answer takes long, and when that is over
 */
export function turns(send, { patience = 3000, slow = () => {} } = {}) {
  let turn = 0; // the visitor's last choice
  let sent = 0; // the last one that the server was told of
  /** @type {Record<string, unknown>} */
  let pending = {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let late;

  function next() {
    const question = { ...pending, turn };
    pending = {};
    sent = turn;
    late = setTimeout(slow, 400, true);
    waiting = setTimeout(answered, patience);
    send(question);
  }

  function rest() {
    clearTimeout(waiting);
    clearTimeout(late);
    waiting = late = undefined;
  }

  function answered() {
    rest();
    slow(false);
    if (turn > sent) next();
  }

  return {
    /** Ask for a change; changes that wait for their turn are merged. @param {Record<string, unknown>} change */
    ask(change) {
      Object.assign(pending, change);
      turn += 1;
      if (waiting === undefined) next();
    },
    /** Take an answer's turn; returns whether it knows the visitor's last choice. @param {number} answer */
    receive(answer) {
      const current = answer >= turn;
      turn = Math.max(turn, answer);
      if (answer >= sent) {
        sent = answer;
        answered();
      }
      return current;
    },
    stop: rest,
  };
}
