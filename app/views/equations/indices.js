// What the cells of the panels stand for: two that share an index ("key 3", "channel 7") light each other.

/** @typedef {import("../../components/js/geometry.js").Box} Box */
/** @typedef {import("../../components/js/geometry.js").Pair} Pair */
/** @typedef {[string, number, number]} Cell a panel's id, row and column */
/** @typedef {Record<string, number>} Indices */
/**
 * As app/views/equations/boards/panels.py makes it. size: rows and columns of the picture where they are not those of the values;
 * origin: where its first number lies on the map.
 * @typedef {{ id: string, title: string, small: string, hue: string, kind?: string, values: number[][], most: number, size?: Pair,
 *   rows?: [string, number[]], columns?: [string, number[]], cells?: [string, number[][]], says?: string[][], crop?: Box, ring?: Pair,
 *   frame?: Box, origin?: Pair, every?: number, own?: number }} Panel
 */

/** @param {Panel} panel @returns {Pair} */
export const shapeOf = ({ size, values }) => size ?? [values.length, values[0].length];

/**
 * The indices that a cell stands for: { key: 3, channel: 7 }.
 * @param {Panel | undefined} panel @param {number} row @param {number} column
 */
export function meaning(panel, row, column) {
  /** @type {Indices} */
  const indices = {};
  if (panel?.rows) indices[panel.rows[0]] = panel.rows[1][row];
  if (panel?.columns) indices[panel.columns[0]] = panel.columns[1][column];
  const own = panel?.cells?.[1][row]?.[column] ?? -1;
  if (panel?.cells && own >= 0) indices[panel.cells[0]] = own;
  return indices;
}

/**
 * The cells of a panel that agree with some indices: a box in cells, or none.
 * @param {Panel} panel @param {Indices} indices @returns {Box[]}
 */
export function marked({ rows, columns, cells, values }, indices) {
  if (cells) {
    const [name, own] = cells;
    /** @type {Pair[]} */
    const found = own.flatMap((line, row) => line.flatMap((index, column) => (index === indices[name] ? [/** @type {Pair} */ ([row, column])] : [])));
    if (!found.length) return [];
    const [down, across] = [found.map(([row]) => row), found.map(([, column]) => column)];
    const [top, left] = [Math.min(...down), Math.min(...across)];
    return [[top, left, Math.max(...down) - top + 1, Math.max(...across) - left + 1]];
  }
  const row = rows && rows[0] in indices ? rows[1].indexOf(indices[rows[0]]) : null;
  const column = columns && columns[0] in indices ? columns[1].indexOf(indices[columns[0]]) : null;
  if (row === -1 || column === -1 || (row === null && column === null)) return [];
  return [[row ?? 0, column ?? 0, row === null ? values.length : 1, column === null ? values[0].length : 1]];
}
