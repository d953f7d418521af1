"""Does attention look at the object? What benchmarks/looks.py measured for a checkpoint, in words, for the panel "Heads & blocks"."""

import json
from statistics import median

import hatnet
from app.core.glossary import linked
from app.ui.bars import Bar, Part, bars

WHENCE = ("trained", "untrained")
KEY_WORDS = {  # of a row of "favourites": name -> what it says of the strongest key
    "shared": "is the same for so many of the window’s tokens",
    "fixed_query": "is found by one fixed query, the head’s mean over other pictures",
    "object": "lies on the object",
    "border": "lies on the border of the picture",
    "largest": "is the window’s token with the largest numbers (norm)",
    "place": "lies at the head’s most frequent place in the window",
    "other_head": "is also that of another head of the block",
    "own": "is the token that reads, itself",
    "smallest_value": "has the smallest value, so that reading it changes least",
}


def read(name: str) -> dict | None:
    """The content of hatnet/shipped/`name`.looks.json; None where benchmarks/looks.py was not run."""
    path = hatnet.checkpoints.SHIPPED / f"{name}.looks.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def best_and_worst(found: dict) -> tuple[dict, dict]:
    """The rows of the heads that give the object most and least, each against its area."""
    rows = sorted(found["heads"], key=lambda row: row["trained"]["all"][0])
    return rows[-1], rows[0]


def name_of(row: dict) -> str:
    """A head as the page counts."""
    return f"{row['stage']}.{row['block'] + 1}, {row['kind']} step, head {row['head'] + 1}"


def how(found: dict) -> str:
    """HTML: what was measured, on what."""
    if "objects" in found:
        places = (
            f"{found['images']} pictures were composed from the sample photographs: one of {len(found['objects'])} objects cut out and pasted "
            "at a random place on a background without one, so that its place is known. Each head’s share of attention on the object is "
            "divided by the object’s share of the [keys](#key)."
        )
    else:
        places = (
            f"In {found['images']} drawn pictures, the asking cell has to find the marked card, one of 16 cells. Each head’s share of "
            "attention on that card, from the tokens of the asking cell, is divided by the card’s share of the [keys](#key). (A "
            "[window](#window) here is one cell, so the local step cannot look at the card.)"
        )
    after = "<b>1 × is even</b>: what weights that know nothing would give. In brackets: the 95 % interval, if objects and pictures were drawn anew."
    return f'<p class="say">{linked(places, "looks")} {after} All with the G₁ and G₂ of training.</p>'


def head_bars(found: dict) -> str:
    """HTML: the best and the worst head, each trained and with random weights."""
    rows, said, most = [], [], max(figure(row, when)[2] for row in best_and_worst(found) for when in WHENCE)
    for title, row in zip(("Most on the object", "Least on the object"), best_and_worst(found), strict=True):
        for when in WHENCE:
            mean, low, high = figure(row, when)
            label = f"{title} <small>{name_of(row)}</small>" if when == "trained" else "<small>same head, random weights</small>"
            look = row["kind"] if when == "trained" else "muted"
            amount = f"{times(mean)} <small>({times(low, '')} to {times(high)})</small>"
            rows.append(Bar(label, [Part(mean, look, f"{times(mean)} the even share")], amount))
            said.append(f"{title}, {name_of(row)}, {when}: {times(mean)} the even share, {times(low, '')} to {times(high)}.")
    return bars(rows, most, " ".join(said))


def figure(row: dict, when: str) -> tuple[float, float, float]:
    """The mean of a head, with its interval."""
    mean, low, high = row[when]["all"]
    return mean, low, high


def times(value: float, sign: str = "&nbsp;×") -> str:
    return f"{value:.{1 if value >= 9.95 else 2}f}{sign}"


def spread(found: dict) -> str:
    """HTML: all heads in one paragraph, trained and not."""
    trained, random = ([figure(row, when) for row in found["heads"]] for when in WHENCE)
    more, less = sum(low > 1 for _, low, _ in trained), sum(high < 1 for *_, high in trained)
    means = [mean for mean, *_ in random]
    said = (
        f"Of {len(trained)} [heads](#head), {more} give the object more than an even share, {less} less, and {len(trained) - more - less} "
        f"cannot be told from even (1 × lies in their interval). The middle one gives it {times(median(m for m, *_ in trained))}. With random "
        f"weights the middle one gives {times(median(means))}, and all lie between {times(min(means), '')} and {times(max(means))}."
    )
    if "known" in found:
        said += f" The model knows {sum(map(bool, found['objects'].values()))} of the objects, and names {found['right']} of their {found['known']} pictures rightly."
    return f'<p class="say">{linked(said, "spread")}</p>'


def last_stage(found: dict) -> list[dict]:
    """The rows about favourites of the last stage that has windows."""
    last = max((row["stage"] for row in found["favourites"]), default=0)
    return [row for row in found["favourites"] if row["stage"] == last]


def instead(found: dict) -> str:
    """HTML: what the local heads of the last stage do instead of looking at the object, with what each explanation explains."""
    rows = last_stage(found)
    if not rows:
        return ""
    weights, keys = [row["weight"] for row in rows], rows[0]["keys"]
    lines = ""
    for key, words in KEY_WORDS.items():
        values = [row[key] for row in rows]
        lines += (
            f"<tr><th scope=row>{words}</th><td><b>{100 * median(values):.0f}&nbsp;%</b> ({100 * min(values):.0f} to {100 * max(values):.0f})</td>"
            f"<td>{100 * rows[0]['chance'][key]:.0f}&nbsp;%</td></tr>"
        )
    said = (
        f"In a [window](#window) of stage {rows[0]['stage']}, a token’s strongest [key](#key) gets {min(weights):.0f} to {max(weights):.0f} "
        f"times the even weight of 1/{keys}, depending on the head. Which key is it? In {rows[0]['windows']} windows, for each of "
        f"{len(rows)} heads:"
    )
    answer = (
        "So about half of a window’s tokens read <b>the same token</b>, and it is not chosen by place or size: each head looks for something of "
        "its own, whichever token asks, and finds it on the object more often than elsewhere, but mostly not there."
    )
    return (
        f'<p class="say">{linked(said, "instead")}</p><table class="looks"><thead><tr><th>The key that most of the tokens read most …</th>'
        f'<th>middle head (all)</th><th>by lot</th></tr></thead><tbody>{lines}</tbody></table><p class="say">{answer}</p>'
    )
