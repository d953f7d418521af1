// Arithmetic of colours, and the page's theme. The colours themselves are app/core/colours.py's: palette.js, or CSS variables.

/** @typedef {number[]} Rgb red, green, blue, 0..255 */

/**
 * Reads colours of app/core/colours.py by name ("local", "ink", "global-text"): as they are in the page's theme at that moment.
 * @param {HTMLElement} root @returns {(name: string) => string}
 */
export function themeOf(root) {
  const probe = document.createElement("i"); // what a variable with light-dark() comes to, an element must tell
  probe.hidden = true;
  root.append(probe);
  return (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
}

/** "rgb(1, 2, 3)" as numbers. @param {string} colour @returns {Rgb} */
export const rgbOf = (colour) => (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);

/** @param {Rgb} colour @param {number} [alpha] */
export const css = (colour, alpha = 1) => `rgba(${colour.map(Math.round).join(",")},${alpha})`;

/** @param {Rgb} a @param {Rgb} b @param {number} t 0 for a, 1 for b @returns {Rgb} */
export const mix = (a, b, t) => a.map((value, i) => value + (b[i] - value) * t);

/** 0..1. @param {string} colour as the browser computes it: rgb(...) */
export function luminance(colour) {
  const [r, g, b] = rgbOf(colour);
  return (0.3 * r + 0.59 * g + 0.11 * b) / 255;
}

/** The colour of a level 0..1. @param {string[]} ramp @param {number} level */
export const onRamp = (ramp, level) => ramp[Math.round(Math.min(Math.max(level, 0), 1) * (ramp.length - 1))];
