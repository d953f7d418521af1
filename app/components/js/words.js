// Numbers and distances in words; percent and offset say the same as app/core/words.py.

/** 0.4149 -> "41 %", 0.0834 -> "8.3 %", 0.0004 -> "0.04 %"; "< 0.01 %" below that, and "0 %" for 0 alone. @param {number} weight */
export function percent(weight) {
  if (weight === 0) return "0 %";
  if (weight < 0.0001) return "< 0.01 %";
  return `${weight < 0.000995 ? (100 * weight).toPrecision(1) : (100 * weight).toFixed(weight < 0.0995 ? 1 : 0)} %`;
}

/**
 * Where a key lies from a token's view: "2 up, 1 left"; "the token itself" at no distance.
 * @param {ArrayLike<number>} token y and x @param {ArrayLike<number>} key
 */
export function offset(token, key) {
  const [down, right] = [key[0] - token[0], key[1] - token[1]];
  const said = [];
  if (down) said.push(`${Math.abs(down)} ${down > 0 ? "down" : "up"}`);
  if (right) said.push(`${Math.abs(right)} ${right > 0 ? "right" : "left"}`);
  return `the token ${said.join(", ") || "itself"}`;
}

/** A largest weight against the even share of `keys` keys. @param {number} most @param {number} keys */
export function timesEven(most, keys) {
  const share = most * keys;
  if (keys === 1) return "there is no other";
  if (share < 1.15) return "hardly more than an even share";
  return `${share.toFixed(share < 9.95 ? 1 : 0)} times an even share`;
}

/** Counted from 1, as the page counts. @param {ArrayLike<number>} place y and x, from 0 */
export const rowAndColumn = (place) => `row ${place[0] + 1}, column ${place[1] + 1}`;

/** With a minus that is one. @param {string | number} number */
export const minus = (number) => String(number).replace("-", "−");

/** @param {string} html */
export const plainText = (html) => withoutMeanings(html).replace(/<[^>]*>/g, "");

/** HTML whose words of the glossary (app/core/glossary.py) open nothing: for those who are told everything at once. @param {string} html */
export const withoutMeanings = (html) => html.replace(/<span popover[^]*?<\/span>/g, "").replace(/<\/?button\b[^>]*>/g, "");

/** HTML of a displayed number with the name of its quantity, one of app/core/quantities.py. @param {string} name @param {string | number} text */
export const quantity = (name, text) => `<span data-quantity="${name}">${text}</span>`;
