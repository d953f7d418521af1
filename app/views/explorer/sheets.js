// Sheets: the rows of all tokens of one map, 8 bits a weight. Packed by packing.py, kept by the browser under their key.

import { bytes } from "../../components/js/bytes.js";

/**
 * @typedef {{ key: string, body?: Record<string, any> }} Sent a sheet as the server names it; its body where the browser does not have it
 */
/**
 * levels: of each token's keys, weight / largest weight x 255. told: four numbers a token, as packing.py's `row_statistics` says. only: the one
 * token whose row this is, or null for all. inside: of two hops, each token's share that is read in its window. cells, tokens, whole: what
 * averaging loses, on the sheet of the pooling panel.
 * @typedef {{ levels: Uint8Array, told: Float32Array, keys: number, only: ?number, inside?: Float32Array, cells: Float32Array, tokens: Float32Array, whole: number }} Sheet
 */

const MOST = 24;

// They outlive a visit to another page of the app.
/** @type {Map<string, Sheet>} */
const sheets = (/** @type {any} */ (globalThis).hatnetSheets ??= new Map());

/** Keep a sheet that has come, or that is used again: the last used is the last to go. @param {Sent} sent */
export function keepSheet({ key, body }) {
  const sheet = body ? /** @type {Sheet} */ ({ ...body }) : sheets.get(key);
  if (!sheet) return;
  if (body?.levels) sheet.levels = bytes(body.levels);
  for (const name of /** @type {const} */ (["told", "inside", "cells", "tokens"])) if (body?.[name]) sheet[name] = new Float32Array(bytes(body[name]).buffer);
  sheets.delete(key);
  sheets.set(key, sheet);
  while (sheets.size > MOST) sheets.delete([...sheets.keys()][0]);
}

/** @param {?Sent | undefined} sent */
export const sheetOf = (sent) => (sent ? sheets.get(sent.key) : undefined);
