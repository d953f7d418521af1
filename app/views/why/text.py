"""The Why? page in words: sentences and HTML that the scores decide."""

import html

from app.core.checkpoints import Checkpoint
from app.core.samples import Sample, label_of
from app.views.why.evidence import NAMES, Evidence
from app.views.why.scores import ChanceLevel, against_chance, score

Scores = dict[str, tuple[float, float]]  # method -> its score with squares put back, and with squares removed


def setting(method: str, evidence: Evidence) -> str:
    """What a method's map belongs to, in a few words."""
    q = evidence.question
    return {
        "raw": f"one token, block {q.stage}.{q.block + 1}",
        "hops": f"one token, block {q.stage}.{q.block + 1}",
        "rollout": "all blocks",
        "gradients": "pixels",
        "cam": f"features of stage {q.stage}",
        "occlusion": "patches covered",
    }[method]


def no_map(evidence: Evidence) -> str:
    """Why a method that follows attention has no map."""
    if evidence.far.weights is None:
        return "There are too many weights with this G₁ and G₂: a smaller window or larger cells bring the map back."
    return f"Stage {evidence.question.stage} has no local step, so there is one hop: raw attention."


def wrong_answer(sample: Sample | None, checkpoint: Checkpoint, answer: str) -> str:
    """HTML: a sentence if the photograph is known to show something other than the answer; else nothing."""
    if sample is None or label_of(sample, checkpoint.classes) == answer:
        return ""
    return f"The photograph shows {html.escape(sample.subject)}: what made the model say “{html.escape(answer)}”? "


def lead(answer: str, found: Scores, random: ChanceLevel) -> str:
    """HTML: what the scores say. random: with squares put back."""
    best, raw = max(found, key=lambda method: found[method][0]), found["raw"][0]
    begin = (
        "A weight says what a token reads, not what decides. When squares are put back on an empty picture, starting with those that a "
        "map ranks highest, "
    )
    raw_score = f'<span class="global">raw attention</span> scores {raw:.2f}, {against_chance(raw, random)} ({random.median:.2f})'
    if best == "raw":
        return begin + f"{raw_score}, and is the best of all here. That may be luck with this token: choose others and compare."
    return begin + f"<b>{NAMES[best]}</b> brings “{html.escape(answer)}” back fastest ({found[best][0]:.2f}); {raw_score}."


def meter(method: str, pair: tuple[float, float], random: ChanceLevel, most: float) -> str:
    """HTML: a method's two scores. The bar is the first, its tick is chance; most: the score that fills the bar."""
    kind = "raw" if method == "raw" else ""
    return (
        f'<div class="meter {kind}"><b>{pair[0]:.2f}</b><span class="track"><i style="width:{100 * pair[0] / most:.1f}%"></i>'
        f'<u style="left:{100 * random.median / most:.1f}%"></u></span></div>'
        f'<p class="removed">{against_chance(pair[0], random)}<br>removed: {pair[1]:.2f}</p>'
    )


def how_to_read(evidence: Evidence, found: Scores, random: tuple[ChanceLevel, ChanceLevel]) -> str:
    """HTML: what the scores mean. random: with squares put back, and removed."""
    untrained, occlusion = score(evidence.curves("learned nothing")[0]), found["occlusion"][0]
    raw = found["raw"][1]
    tells = (
        "the test can tell a model that has learned from one that has not"
        if occlusion > untrained
        else "here the test cannot tell that this model has learned"
    )
    return (
        f'<div class="note"><b>How to read the scores.</b> A score is the mean probability along a curve: high is good while squares are '
        f"put back, low while they are removed. The tick marks chance: {random[0].median:.2f}, the median of 12 random maps. Occlusion "
        f"of a model with <b>random weights</b> scores {untrained:.2f} against {occlusion:.2f}, so {tells}. While squares are "
        f"<b>removed</b>, raw attention ({raw:.2f}) is {against_chance(raw, random[1], higher_is_better=False)} "
        f"({random[1].median:.2f}): read both.</div>"
    )


def legend(shown: str) -> str:
    """HTML: the lines of both charts. shown: the chosen method."""
    first = "" if shown == "raw" else f'<span><i class="line"></i>{NAMES[shown]}</span>'
    return (
        f'<div class="lines">{first}<span><i class="line raw"></i>Raw attention</span><span><i class="line band"></i>Random maps, '
        '10 to 90 %</span><span><i class="line dash"></i>Occlusion, random weights</span></div>'
    )
