"""Checks of notebook 9, the quiz: each wrong option is told why it is wrong."""

from collections.abc import Mapping

from tutorials.machinery.checks.grading import Student, Wrong, call, check, number

__all__ = [
    "exchanged",
    "score_variance",
    "blind_test",
    "real_keys",
    "averaged_late",
    "proof",
    "in_proportion",
    "reason",
    "cannot",
    "far_corner",
]


def _choice(student: Student, wrong: Mapping[str, str]) -> None:
    """Raise Wrong unless the student's letter is the one of "a" to "d" that `wrong` gives no reason against."""
    got = call(student)
    letter = got.strip().strip("().").lower() if isinstance(got, str) else got
    if letter not in ("a", "b", "c", "d"):
        raise Wrong(f'wanted one letter, "a", "b", "c" or "d"; got {got!r}.')
    if letter in wrong:
        raise Wrong(wrong[letter])


@check
def exchanged(student) -> str:
    """Question 1: two tokens exchanged in plain attention."""
    _choice(
        student,
        {
            "a": "that would hold for the *mean* of all tokens. Each output row belongs to one token: where is it after the exchange?",
            "c": "a token that did not move has the same query and meets the same keys and values, in another order; a sum has no order.",
            "d": "nothing in Eqs. 1 to 3 knows at which place a token lies, so that a place cannot give a token new values.",
        },
    )
    return "rows move with their tokens, and no number changes: attention alone knows no places"


@check
def score_variance(student) -> str:
    """Question 2: score_variance(d, s)."""
    for d, s in ((24, 1.5), (7, 3.0), (64, 0.5)):
        mistakes = {
            "that is the standard deviation; wanted the variance.": s**2,
            "that is the variance of q · k: the division by sqrt(d) is missing.": d * s**4,
            "dividing by sqrt(d) divides the variance by d, not by sqrt(d).": d**0.5 * s**4,
            "a product of two numbers has the product of *two* variances.": d * s**2,
            "d such products are added up, and their variances with them.": s**4 / d,
            "1 is right for s = 1 alone.": 1.0,
            "s is the standard deviation: the variance of one entry is its square, and each product has two of them.": s,
        }
        number(call(student, d, s), s**4, "the variance", mistakes)
    return "the same for every d: that is what sqrt(d) is for"


@check
def blind_test(student) -> str:
    """Question 3: which test does not see dilated windows."""
    _choice(
        student,
        {
            "a": "that test finds it: the outputs that change lie four tokens apart, all over the map, and not in one square.",
            "b": "that test finds it: other tokens attend to one another, so that the numbers differ.",
            "c": "that test finds it: the weights lie in a pattern of single tokens all over the map, and not in one square.",
        },
    )
    return "there and back again proves nothing about where one has been"


@check
def real_keys(student) -> str:
    """Question 4: real_keys(y, x, h, w, g)."""
    for y, x, h, w, g in ((0, 0, 7, 10, 4), (6, 9, 7, 10, 4), (6, 2, 7, 10, 4), (1, 9, 7, 10, 4), (5, 5, 13, 6, 5), (2, 1, 3, 2, 7)):
        tokens = [(row, column) for row in range(h) for column in range(w)]
        right = sum(row // g == y // g and column // g == x // g for row, column in tokens)
        down, across = min(g, h - y // g * g), min(g, w - x // g * g)
        mistakes = {
            "that counts the padding, too.": g * g,
            "a window can hang over the right edge, too.": down * g,
            "a window can hang over the lower edge, too.": across * g,
            "count from where the window begins, and not from the token.": min(g, h - y) * min(g, w - x),
            "that is what every window at the edge would have: is this token's window at the edge?": (h % g or g) * (w % g or g),
        }
        number(call(student, y, x, h, w, g), right, f"the number for token ({y}, {x}) of {h} x {w} tokens and g = {g}", mistakes)
    return "whole windows have g x g, and those at the edge what is left of the map"


@check
def averaged_late(student) -> str:
    """Question 5: projecting before pooling."""
    _choice(
        student,
        {
            "a": "try it: (x W + y W) / 2 is ((x + y) / 2) W. What does that say about the numbers?",
            "b": "the numbers are right. But through how many rows does each matrix go, tokens or cells?",
            "d": "the values are pooled before softmax weighs anything, just like the keys: both are linear in the tokens.",
        },
    )
    return "a mean and a linear layer may change places, and Eq. 10 comes first because that is cheaper"


@check
def proof(student) -> str:
    """Question 6: what lets a far token into the window."""
    _choice(
        student,
        {
            "a": "rounding would be in the seventh digit. A change in the third comes from the computation itself.",
            "c": "the residual adds each token's own input, and no other token's.",
            "d": "padding concerns windows at the edge, and is zero whatever the far token is.",
        },
    )
    return "a norm over the whole map links all windows; one over each token links none"


@check
def in_proportion(student) -> str:
    """Question 7: how G1 and G2 must grow."""
    _choice(
        student,
        {
            "a": "then the number of cells grows with the map, and every token reads all of them: four times the tokens, "
            "sixteen times the global products.",
            "b": "then a window holds a fixed part of the map, so that every token reads more and more tokens: as with plain attention.",
            "d": "the cells are taken care of. But a window that grows with the map gives every token more and more keys.",
        },
    )
    return "a fixed number of keys for each token: the price is cells that become coarser"


@check
def reason(student) -> str:
    """Question 8: what speaks for a reason."""
    _choice(
        student,
        {
            "b": "more weight says that more is *read* there. What is done with it, no weight tells.",
            "c": "rollout is made of the same weights. It cannot tell what they cannot.",
            "d": "then the head is an ear detector, perhaps. Whether the answer depends on it is another question.",
        },
    )
    return "an intervention, and something to compare it with"


@check
def cannot(student) -> str:
    """Question 9: did not learn, and cannot."""
    _choice(
        student,
        {
            "a": "for F you have three runs that did not succeed. Which experiment shows that no weights would do?",
            "b": "with three seeds that differ by up to six points, a difference of two or three is not shown.",
            "c": "that is right for one of them. But the finding about the pixels holds for W with any weights: can steps change it?",
        },
    )
    return "a proof says cannot; runs say did not"


@check
def far_corner(student) -> str:
    """Question 10: who sees the far corner, and how much of it."""
    _choice(
        student,
        {
            "a": "the weight belongs to the whole cell. How many tokens share it?",
            "c": "look at the corner in A and B: it is dark. Training changes weights, not who may read whom.",
            "d": "a mean is not nothing: a quarter of it is that token, and training can make that token's numbers large.",
        },
    )
    return "far away is seen, but as a part of a mean"
