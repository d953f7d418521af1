"""The Explorer's component: the photograph and its maps. The browser holds the rows of all tokens, so that hovering needs no server."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component
from app.components.turn import turn
from app.core.glossary import linked

FOOT = linked(
    '<p class="foot">A [weight](#weight) says how much a [token](#token) reads of a [key](#key), which is a token or a [cell](#cell); it '
    "does not say why the model decides as it does: attention is not [attribution](#attribution). <b>Why?</b> compares them.</p>",
    "foot",
)
HTML = linked(
    f"""
<div class="explorer">
  <div class="left">
    <div class="photo">
      <div class="frame" tabindex="0" role="application" aria-roledescription="token grid"><canvas></canvas></div>
      <p class="over" hidden></p>
    </div>
    <div class="under">
      <span class="where" aria-live="polite"></span>
      <span class="keys"><kbd>↑</kbd><kbd>↓</kbd><kbd>←</kbd><kbd>→</kbd> move · click selects</span>
      <span class="touch">tap to select a token</span>
    </div>
    <div class="choices">
      <div class="segments head" role="radiogroup" aria-label="Head"></div>
      <label class="exact"><input type="checkbox"> <span>Model’s pixels</span></label>
    </div>
    <div class="prediction"></div>
  </div>
  <div class="right">
    <div class="segments tabs" role="radiogroup" aria-label="What to show"></div>
    <div class="panel" data-panel="maps">
      <figure class="local">
        <figcaption></figcaption><div class="map" tabindex="0"><canvas></canvas></div><p class="nothing" hidden></p>
      </figure>
      <figure class="global"><figcaption></figcaption><div class="map" tabindex="0"><canvas></canvas></div></figure>
      <figure class="hops">
        <figcaption></figcaption><div class="map" tabindex="0"><canvas></canvas></div><p class="nothing" hidden></p>
      </figure>
      <div class="words"><p class="title">In words</p><table></table><p class="say"></p><div class="bar"></div></div>
    </div>
    <div class="panel" data-panel="heads" hidden></div>
    <div class="panel" data-panel="pooling" hidden>
      <figure class="cell"><figcaption></figcaption><div class="map still" role="img"><canvas></canvas></div></figure>
      <figure class="lost"><figcaption></figcaption><div class="map" tabindex="0"><canvas></canvas></div></figure>
      <p class="say" aria-live="polite"></p>
    </div>
    <div class="panel" data-panel="seam" hidden>
      <figure class="pair"><figcaption></figcaption><div class="map still" role="img"><canvas></canvas></div></figure>
      <div class="facts"></div>
    </div>
  </div>
  <section class="paths" aria-label="Two hops in frames" hidden>
    <p class="title">[Two hops](#two_hops), frame by frame <small>a [token](#token) tells its [window](#window); the window’s [cell](#cell)
      tells me. Last: the same [weights](#weight) without that order (mean of the heads)</small></p>
    <div class="frames"></div>
    <p class="why"><b>Why local comes first.</b> In frame 3, the tokens of a cell have read their windows before they are averaged. So the
      cell also brings what lies around it, and most of what they read most. In frame 4, the same weights meet cells of tokens that have not
      read yet: all tokens of a cell count alike, and nothing from outside it comes through. (In the paper’s letters: Eq. 10 pools A₁, not
      X.) What the order is worth in accuracy was not measured here.</p>
    <p class="title">Strongest paths <small>each brings a quarter of the product of its two weights: the sums with A₁ and X
      ([residuals](#residual), Eqs. 9 and 14) count half each. Point at one to see it</small></p>
    <ol></ol>
  </section>
  <section class="strip">
    <p class="title">The same place in every head <small>a [head](#head) is one of the parts of a [layer](#layer) that read side by side;
      global maps, each on its own scale; labels: [stage](#stage).[block](#block)</small></p>
    <div class="blocks" role="toolbar" aria-label="Heads: arrow keys move, Enter chooses"></div>
  </section>
  {FOOT}
  <p class="aloud" aria-live="polite"></p>
</div>
""",
    "explorer",
)
SCRIPT = Path(__file__).with_name("explorer.js")
_mount = component(SCRIPT, HTML)


def explorer(*, key: str, data: dict, changed: Callable[[dict], None]) -> None:
    """Draw the component; `changed` gets what the visitor changed, before the script runs again: any of `place`, `head`, `panel`, `need`.

    data: from `payload`. `need` names sheets that the browser has lost and that must be sent again.
    """

    def on_change() -> None:
        changed(st.session_state[key]["picked"])

    data = data | {"turn": turn(st.session_state.get(key))}
    _mount(key=key, data=data, default={"picked": None}, on_picked_change=on_change)
