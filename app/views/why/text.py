"""The Why? page in words: sentences and HTML that the scores decide."""

import html

from app.core.checkpoints import Checkpoint
from app.core.glossary import linked, term
from app.core.quantities import quantity
from app.core.samples import Sample, label_of
from app.core.unknown import Verdict, none_of
from app.core.words import count, percent
from app.views.why.evidence import FINE, NAMES, Detail, Evidence
from app.views.why.scores import IN_WORDS, TESTS, ChanceBand, Outcome, Test, outcome

Scores = dict[str, tuple[float, float]]  # method -> its scores in both TESTS
Chance = tuple[ChanceBand, ChanceBand]  # of both TESTS

ATTRIBUTIONS = {"gradients", "cam", "occlusion"}  # of the maps in NAMES; the others follow attention
DIRECTIONS: dict[Test, str] = {"put back": "higher is better →", "removed": "← lower is better"}
# What happens to the answer when raw attention's highest squares go first.
_FIRST: dict[Test, dict[Outcome, str]] = {
    "put back": {
        "better": "bring “{answer}” back faster than random squares do",
        "within": "bring “{answer}” back no faster than random squares do",
        "worse": "bring “{answer}” back more slowly than random squares do",
    },
    "removed": {
        "better": "removing them hurts more than removing random ones",
        "within": "removing them hurts no more than removing random ones",
        "worse": "removing them hurts less than removing random ones",
    },
}
_NOT = "No", "its [weights](#weight) do not show what decides"
_NO_BETTER = "No", "a random map tells us as much"
_WORSE = "No", "a random map tells us more"
# Raw attention's outcomes in both TESTS -> the answer to the page's title, and why.
_VERDICTS: dict[tuple[Outcome, Outcome], tuple[str, str]] = {
    ("better", "better"): (
        "Here it does",
        "the answer depends on what this token reads. The [weights](#weight) alone did not say so; for another token, the tests may say no",
    ),
    ("better", "within"): ("Only in part", "they are enough for the answer, but other squares would do as well"),
    ("within", "better"): ("Only in part", "the answer needs them, but they alone do not bring it back"),
    ("better", "worse"): ("No", "they are enough for the answer, but it depends more on other squares"),
    ("worse", "better"): _NOT,
    ("within", "within"): _NO_BETTER,
    ("within", "worse"): _WORSE,
    ("worse", "within"): _WORSE,
    ("worse", "worse"): _WORSE,
}


def title(answer: str) -> str:
    """The question that `lead` answers. answer: as Markdown, or as text."""
    return f"Why “{answer}”? Does attention tell us?"


def kinds(detail: Detail) -> str:
    """HTML: what the maps are, and on which squares."""
    square = "A square is one [token](#token) of [stage](#stage) 2."
    if detail.tokens > 1:
        square = (
            f"A square is {detail.tokens} × {detail.tokens} [tokens](#token) of [stage](#stage) 2, and the tests have {detail.steps} "
            f"steps: on a map of more than {FINE} × {FINE} tokens, finer ones would take too long."
        )
    said = (
        f"A map ranks the squares of the photograph; bright ones rank high. {square} The first three maps follow attention. The last three "
        "are <b>[attributions](#attribution)</b>: they measure what the answer depends on."
    )
    return linked(said, "kinds")


def setting(method: str, evidence: Evidence) -> str:
    """HTML: what a method's map belongs to, in a few words."""
    q = evidence.question
    where = {
        "raw": f"one token, [block](#block) {q.stage}.{q.block + 1}",
        "hops": f"one token, block {q.stage}.{q.block + 1}",
        "rollout": "all blocks",
        "gradients": "pixels",
        "cam": f"features of stage {q.stage}",
        "occlusion": "patches covered",
    }
    return linked(where[method], "setting")


def no_map(evidence: Evidence) -> str:
    """Why a method that follows attention has no map."""
    if evidence.far.weights is None:
        return "There are too many weights with this G₁ and G₂: a smaller window or larger cells bring the map back."
    return f"Stage {evidence.question.stage} has no local step, so there is one hop: raw attention."


def wrong_answer(sample: Sample | None, checkpoint: Checkpoint, answer: str) -> str:
    """HTML: a sentence if the photograph is known to show something other than the answer; else nothing."""
    if sample is None or label_of(sample, checkpoint.classes) == answer:
        return ""
    return f" The answer itself is wrong: the photograph shows {html.escape(sample.subject)}."


def unknown_answer(verdict: Verdict | None, checkpoint: Checkpoint) -> str:
    """HTML: a sentence if the photograph shows nothing that the model knows, by its rule; else nothing."""
    if verdict is None or not verdict.unknown:
        return ""
    return f" The answer is only the nearest guess: by its threshold, the photograph is {none_of(checkpoint)}."


def waiting(answer: str, stopped: bool) -> str:
    """HTML: what stands in place of the lead while scores are missing."""
    status = "The scores are still missing." if stopped else "The scores are being worked out."
    return (
        f"Two tests will tell: do the squares that a map ranks highest bring “{html.escape(answer)}” back, and does removing them hurt? "
        f"{status}"
    )


def lead(answer: str, found: Scores, random: Chance, untrained: tuple[float, float]) -> str:
    """HTML: what both tests say of raw attention, whether it tells why, and how the other maps do.

    untrained: the scores of Occlusion with random weights; a test that these pass as well decides nothing.
    """
    raw = tuple(map(outcome, found["raw"], random, TESTS))
    verdict, so = _VERDICTS[raw]
    if not all(trusted := _tells(untrained, found["occlusion"])):
        which = "one of the tests does" if any(trusted) else "the tests do"
        verdict, so = "Not shown", f"here {which} not even tell a trained model from an untrained one (at the end of the page)"
    put_back, removed = (_FIRST[test][result].format(answer=html.escape(answer)) for test, result in zip(TESTS, raw, strict=True))
    so = linked(so, "lead")
    joined = "and" if (raw[0] == "better") == (raw[1] == "better") else "but"
    what = f'The squares that <span class="global">raw attention</span> ranks highest {put_back}, {joined} {removed}.'
    return f"{what} <b>Does attention tell why? {verdict}:</b> {so}. {_others(found, random)} One photograph decides little."


def _others(found: Scores, random: Chance) -> str:
    """Which maps beat chance in both tests: the attributions, and those that follow attention further than raw attention does."""
    better = [method for method, pair in found.items() if all(map(_is_better, pair, random, TESTS))]
    attributions, followers = ([NAMES[m] for m in better if (m in ATTRIBUTIONS) == wanted and m != "raw"] for wanted in (True, False))
    some = f"{_listed(attributions)} beat{'s' * (len(attributions) == 1)}" if attributions else "none beats"
    said = f"Of the {count(len(ATTRIBUTIONS))} attributions, made to explain an answer, {some} chance in both tests"
    if not followers:
        return f"{said}."
    if not attributions:
        return f"{said}, but {_listed(followers)} {'does' if len(followers) == 1 else 'do'}."
    return f"{said}; so {'does' if len(followers) == 1 else 'do'} {_listed(followers)}."


def _is_better(value: float, band: ChanceBand, test: Test) -> bool:
    return outcome(value, band, test) == "better"


def _listed(names: list[str]) -> str:
    *first, last = (f"<b>{name}</b>" for name in names)
    return f"{', '.join(first)} and {last}" if first else last


def _tells(untrained: tuple[float, float], occlusion: tuple[float, float]) -> tuple[bool, bool]:
    """Whether each of TESTS tells a trained model from an untrained one, with the two decimals that the page shows."""
    put_back, removed = ([round(score[i], 2) for score in (untrained, occlusion)] for i in (0, 1))
    return put_back[1] > put_back[0], removed[1] < removed[0]


def meter(method: str, pair: tuple[float, float], random: Chance) -> str:
    """HTML: a method's two scores as bars from 0 to 1, each with its direction, the band of chance and what that makes of it."""
    bars = ""
    for test, value, band in zip(TESTS, pair, random, strict=True):
        result = outcome(value, band, test)
        bars += (
            f'<p class="test"><b>{test.capitalize()}</b> <span>{DIRECTIONS[test]}</span></p>'
            f'<div class="bar"><b>{value:.2f}</b><span class="track"><i style="width:{100 * value:.1f}%"></i>'
            f'<u style="left:{100 * band.low:.1f}%;width:{100 * (band.high - band.low):.1f}%"></u></span></div>'
            f'<p class="outcome {result}">{IN_WORDS[result]}</p>'
        )
    return f'<div class="meter {"raw" if method == "raw" else ""}">{bars}</div>'


def tests(answer: str, random: Chance, empty: float, whole: float) -> str:
    """HTML: both tests, the score and chance. empty, whole: the answer's probability with no square and with all."""
    answer = html.escape(answer)
    put_back, removed = (f"{band.low:.2f} to {band.high:.2f}" for band in random)
    return (
        f'<div class="tests"><p><b>Put back</b> ({term("insertion", "tests")}). Squares return to an empty picture, those that the map '
        f"ranks highest first. If they are enough for the answer, “{answer}” comes back early: higher is better.</p>"
        f"<p><b>Removed</b> ({term('deletion', 'tests')}). Squares leave the photograph in the same order. If the answer needs them, "
        f"“{answer}” falls early: lower is better.</p>"
        f"<p><b>Score</b>, on a bar from 0 to 1: the mean probability of “{answer}” on the way between the empty picture "
        f'(<span class="whole">{percent(empty)}</span>) and the whole one ({quantity("probability", percent(whole))}). A '
        "half-empty picture is unlike any in the training, so a curve may jump.</p>"
        f'<p><b>{term("chance band", "tests", "Chance")}</b> <i class="swatch"></i>: where 8 of 10 random maps score, {put_back} put '
        f"back and {removed} removed. A score outside is better or worse than chance; one inside proves nothing.</p></div>"
    )


def control(untrained: tuple[float, float], occlusion: tuple[float, float]) -> str:
    """HTML: whether the tests can be trusted. untrained, occlusion: scores of Occlusion with random weights, and with the model's own."""
    put_back, removed = ([round(score[i], 2) for score in (untrained, occlusion)] for i in (0, 1))
    verdict = {
        (True, True): "Both tests tell a trained model from an untrained one",
        (True, False): "On this photograph, only the first test tells a trained model from an untrained one",
        (False, True): "On this photograph, only the second test tells a trained model from an untrained one",
        (False, False): "On this photograph, neither test tells a trained model from an untrained one: do not rely on them here",
    }[_tells(untrained, occlusion)]
    return (
        '<div class="note"><b>Can the tests be trusted?</b> A map made from a model with random '
        f"{term('weight', 'control', 'weights')} should do worse. Put back, "
        f"Occlusion scores {put_back[1]:.2f} with this model and {put_back[0]:.2f} with random weights; removed, {removed[1]:.2f} and "
        f"{removed[0]:.2f}. {verdict}.</div>"
    )
