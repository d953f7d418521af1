// On a phone the pages are listed in a drawer over the page.

/** From now on the drawer closes when a page is chosen in it: Streamlit leaves it open, over what was chosen. */
export function closeDrawer() {
  const narrow = matchMedia("(max-width: 768px)"); // from here on Streamlit's sidebar lies over the page
  document.addEventListener("click", ({ target }) => {
    if (!narrow.matches || !(target instanceof Element) || !target.closest("[data-testid=stSidebarNavLink]")) return;
    /** @type {?HTMLElement} */ (document.querySelector("[data-testid=stSidebarCollapseButton] button"))?.click();
  });
}
