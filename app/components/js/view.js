// A component's life in the page: found or started, given data, stopped. And elements, changed only where something changes.

/**
 * What Streamlit calls a component with.
 * @typedef {{ data: any, parentElement: ParentNode, setStateValue: (name: string, value: unknown) => void }} Component
 */
/** @typedef {{ receive: (data: any) => void, stop: () => void }} View */
/** @typedef {HTMLElement & { view?: View, send?: (picked: unknown) => void }} Root */

/**
 * Give the data to the view of an element, which is started the first time. Returns what ends it.
 * @param {Component} component @param {string} selector @param {(root: Root, send: (picked: unknown) => void) => View} start
 */
export function attach({ data, parentElement, setStateValue }, selector, start) {
  /** @type {Root} */
  const root = find(parentElement, selector);
  root.send = (picked) => setStateValue("picked", picked); // Streamlit gives a new function with each run
  root.view ??= start(root, (picked) => root.send?.(picked));
  root.view.receive(data);
  return () => {
    root.view?.stop();
    delete root.view;
  };
}

/**
 * Draw again when the element's size or the page's theme changes; returns what ends this.
 * @param {Element} element @param {() => void} draw
 */
export function watch(element, draw) {
  const observer = new ResizeObserver(draw);
  observer.observe(element);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", draw);
  return () => {
    observer.disconnect();
    dark.removeEventListener("change", draw);
  };
}

/** @param {ParentNode} parent @param {string} selector @returns {HTMLElement} */
export function find(parent, selector) {
  const found = parent.querySelector(selector);
  if (!found) throw new Error(`no ${selector} in the component`);
  return /** @type {HTMLElement} */ (found);
}

/** @param {ParentNode} parent @param {string} [selector] */
export const findCanvas = (parent, selector = "canvas") => /** @type {HTMLCanvasElement} */ (find(parent, selector));

/** The focused element of the component that an element is in. @param {Element} element @returns {?HTMLElement} */
export const focusedBeside = (element) => /** @type {any} */ (element.getRootNode()).activeElement;

/** @param {ParentNode} parent @returns {HTMLButtonElement[]} */
export const buttonsOf = (parent) => [...parent.querySelectorAll("button")];

/** @param {string} tag @param {string} [name] its class @param {string} [html] */
export function make(tag, name = "", html = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (html) made.innerHTML = html;
  return made;
}

/** @param {string} name its class @param {string} [html] */
export function makeButton(name, html) {
  const button = /** @type {HTMLButtonElement} */ (make("button", name, html));
  button.type = "button";
  return button;
}

/** @type {WeakMap<Element, string>} */
const seen = new WeakMap();

/**
 * Whether a value differs from the element's last one: what is built from it must be built anew.
 * @param {Element} element @param {string} value
 */
export function isNew(element, value) {
  if (seen.get(element) === value) return false;
  seen.set(element, value);
  return true;
}

/** @param {Element} element @param {string} html */
export function setHtml(element, html) {
  if (isNew(element, html)) element.innerHTML = html;
}

/** @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What a picture shows, for those who cannot see it. @param {Element} element @param {string} text */
export function setLabel(element, text) {
  if (element.getAttribute("aria-label") !== text) element.setAttribute("aria-label", text);
}

/** The address of a photograph that stands hidden on the page. @param {string} id */
export const sourceOf = (id) => /** @type {?HTMLImageElement} */ (document.getElementById(id))?.src ?? "";
