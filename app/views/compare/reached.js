// What one token has read after some layers, as hatnet/reach.py counts it: rows and columns do not depend on each other.

/** @typedef {import("../../components/js/geometry.js").Pair} Pair */
/** @typedef {import("../../components/js/geometry.js").Box} Box */
/** rows, columns: after how many layers something of each has been read; 0: never. @typedef {{ rows: number[], columns: number[] }} Reached */

/** After how many layers a token has been read; 0: never. @param {Reached} reached @param {Pair} token */
export function until({ rows, columns }, [y, x]) {
  return rows[y] && columns[x] ? Math.max(rows[y], columns[x]) : 0;
}

/** @param {number[]} numbers @param {number} layers */
const within = (numbers, layers) => numbers.flatMap((n, index) => (n && n <= layers ? [index] : []));

/** How many tokens have been read after some layers. @param {Reached} reached @param {number} layers */
export const after = ({ rows, columns }, layers) => within(rows, layers).length * within(columns, layers).length;

/** The rectangle of these tokens. @param {Reached} reached @param {number} layers @returns {Box} */
export function box({ rows, columns }, layers) {
  const [down, across] = [within(rows, layers), within(columns, layers)];
  return [down[0], across[0], down.length, across.length];
}
