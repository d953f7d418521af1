"""How tests look at a page in Chromium: what is focused, what a map shows, what has come to rest, what finds no room."""

import re

from playwright.sync_api import expect

from tests.app.unexplained import unexplained

# What is focused, through shadow roots: a JavaScript expression.
FOCUSED = """(() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
})()"""


# Whether what is focused looks otherwise than without the focus, which it keeps; its surroundings count, and what is in it.
FOCUS_SHOWS = f"""async () => {{
  const at = {FOCUSED}, around = [at, ...at.querySelectorAll("*")];
  for (let up = at.parentElement, i = 0; up && i < 4; up = up.parentElement, i++) around.push(up);
  const frames = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const look = () => around.map((element) => {{
    const {{ outline, boxShadow, borderColor, backgroundColor, textDecoration, color }} = getComputedStyle(element);
    return [outline, boxShadow, borderColor, backgroundColor, textDecoration, color].join();
  }}).join(";");
  await frames();
  const focused = look();
  at.blur();
  await frames();
  const plain = look();
  at.focus({{ focusVisible: true }});
  return focused !== plain;
}}"""


def tab_to(page, condition, back=False):
    """Press Tab until `condition`, a JavaScript function, holds for the focused element; its focus must be visible."""
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if page.evaluate(f"(({condition}))({FOCUSED})"):
            assert page.evaluate(FOCUS_SHOWS), f"the focus is not to be seen at {condition}"
            return
    raise AssertionError(f"Tab does not reach {condition}")


# The numbers on the page by the names of their quantities, through shadow roots.
NUMBERS = """() => {
  const found = {};
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      const name = element.getAttribute("data-quantity");
      if (name) (found[name] ??= new Set()).add(element.textContent.replaceAll("\\u00a0", " "));
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(document);
  return Object.fromEntries(Object.entries(found).map(([name, texts]) => [name, [...texts]]));
}"""


def numbers(page):
    """The numbers on the page that have the name of a quantity: name -> what is written, once each."""
    return page.evaluate(NUMBERS)


def values(page, name):
    """What a map shows, once it is painted."""
    frame = page.locator(f".st-key-{name} .frame")
    expect(frame).to_have_attribute("data-shown", re.compile("."))
    return frame.get_attribute("data-shown")


def changed(page, name, before):
    """Wait until a map no longer shows what `values` has returned."""
    expect(page.locator(f".st-key-{name} .frame")).not_to_have_attribute("data-shown", before)


def finished(page):
    """Wait until everything has faded in."""
    page.evaluate("Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => {})))")


# What of the page, through shadow roots, begins or ends outside of the window and cannot be scrolled to; what is clipped is left out.
STICKING_OUT = """() => {
  const found = [], clips = (style) => style.overflowX !== "visible" || style.clipPath !== "none";
  const walk = (element) => {
    const style = getComputedStyle(element), box = element.getBoundingClientRect();
    if (style.display === "none" || style.visibility === "hidden" || style.opacity === "0") return;
    if (box.width && box.height && (box.right > innerWidth + 1 || box.left < -1)) found.push(element.outerHTML.slice(0, 120));
    if (clips(style) && !element.matches("[data-testid=stMain]")) return;
    for (const child of (element.shadowRoot ?? element).children) walk(child);
  };
  walk(document.querySelector("[data-testid=stMain]"));
  return found;
}"""


def sticks_out(page):
    """The beginnings of all elements that stick out of the window to the side."""
    return page.evaluate(STICKING_OUT)


# The prose of the page, in two parts: what is visible, and what is folded; and the words whose meaning opens there, in the same parts.
# Titles, choices, code and equations are not prose; nor are notes, nor what is for screen readers alone.
PROSE = """() => {
  const found = { shown: "", folded: "", shownWords: [], foldedWords: [], ids: [] };
  const NOT_PROSE = "h1, h2, h3, summary, label, code, kbd, svg, style, script, figcaption, .katex, .equations, .unseen, .aloud, .where, " +
    ".note, [role=status], [role=radiogroup], [data-testid=stProgress], button:not(.term)";
  const walk = (element, part) => {
    if (element.matches("[popover]")) {
      found.ids.push(element.id);
      return found[`${part}Words`].push(element.querySelector("b").textContent);
    }
    const { display, visibility } = getComputedStyle(element);
    if (element.matches(NOT_PROSE) || display === "none" || visibility === "hidden") return;
    for (const node of (element.shadowRoot ?? element).childNodes) {
      if (node.nodeType === Node.TEXT_NODE) found[part] += node.data;
      if (node.nodeType === Node.ELEMENT_NODE) walk(node, element.matches("details") ? "folded" : part);
    }
    found[part] += " ";
  };
  walk(document.querySelector("[data-testid=stMain]"), "shown");
  return found;
}"""


def words_without_meaning(page):
    """The words of the glossary that no button on the page explains where they are visible; and those that none explains where they are
    folded. It is an error if an id stands twice."""
    found = page.evaluate(PROSE)
    ids, shown, folded = found["ids"], set(found["shownWords"]), set(found["foldedWords"])
    assert len(set(ids)) == len(ids), ids
    return unexplained(found["shown"], shown), unexplained(found["folded"], shown | folded)
