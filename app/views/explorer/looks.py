"""Does attention look at the object? What benchmarks/looks.py measured for a checkpoint, in words, for the panel "Heads & blocks"."""

from statistics import median

from app.core import measured
from app.core.glossary import linked
from app.ui.bars import Bar, Part, bars

WHENCE = ("trained", "untrained")
KEY_WORDS = {  # of a row of "favourites": name -> what it says of the strongest key
    "shared": "is the strongest for this part of the window’s tokens",
    "fixed_query": "is found by one fixed query, the head’s mean over other pictures",
    "object": "lies on the object",
    "border": "lies on the border of the picture",
    "largest": "is the window’s token with the largest numbers (norm)",
    "place": "lies at the head’s most frequent place in the window",
    "other_head": "is also that of another head of the block",
    "own": "is the token that reads, itself",
    "smallest_value": "has the smallest value, so that reading it changes least",
}

# The tests hold it against the numbers of every file that has some.
ANSWER = (
    "So about half of the tokens of a window read <b>one and the same token</b>. Neither its place nor its size decides it: the heads of "
    "a block seldom agree on it, and what a head asks for on other pictures often finds it here. Each head looks for something of its own, "
    "whichever token asks. It finds this on the object more often than by lot, but mostly elsewhere."
)


def read(name: str) -> dict | None:
    """The content of hatnet/shipped/`name`.looks.json; None where benchmarks/looks.py was not run."""
    return measured.read(f"{name}.looks.json")


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
            f"{found['images']} pictures were composed from the sample photographs: one of {len(found['objects'])} objects, cut out and "
            "pasted at a random place on a background that holds none, so that its place is known. Each head’s share of attention on the "
            "object is divided by the object’s share of the [keys](#key)."
        )
    else:
        places = (
            f"In {found['images']} drawn pictures, the asking cell has to find the marked card, one of 16 cells. Each head’s share of "
            "attention on that card, from the tokens of the asking cell, is divided by the card’s share of the [keys](#key). (A "
            "[window](#window) here is one cell, so the local step cannot look at the card.)"
        )
    scale = (
        "<b>1 × is even</b>: as much attention as area. In brackets: the 95 % interval, if objects and pictures were drawn anew; most and "
        "least were picked on the same pictures, which flatters them a little."
    )
    return f'<p class="say">{linked(places, "looks")} {scale} All with the G₁ and G₂ of training.</p>'


def head_bars(found: dict) -> str:
    """HTML: the best and the worst head, each trained and with random weights."""
    thing = "object" if "objects" in found else "marked card"
    rows, said, most = [], [], max(figure(row, when)[2] for row in best_and_worst(found) for when in WHENCE)
    for title, row in zip((f"Most on the {thing}", f"Least on the {thing}"), best_and_worst(found), strict=True):
        for when in WHENCE:
            mean, low, high = figure(row, when)
            label = f"{title} <small>{name_of(row)}</small>" if when == "trained" else "<small>same head, random weights</small>"
            look = row["kind"] if when == "trained" else "muted"
            amount = f"{times(mean)} <small>({times(low, '')} to {times(high)})</small>"
            rows.append(Bar(label, [Part(mean, look, f"{times(mean)} the even share")], amount))
            said.append(f"{title}, {name_of(row)}, {when}: {times(mean)} the even share, {times(low, '')} to {times(high)}.")
    return bars(rows, most, " ".join(said))


def on_border(found: dict) -> str:
    """HTML: how much the head that gives the object least gives the border; empty where that was not measured."""
    _, row = best_and_worst(found)
    if row["kind"] != "global" or "border" not in row:
        return ""
    area = found["border"]
    share, low, high = (100 * value * area for value in row["border"])
    said = (
        f"Where does the last one look? {share:.0f} % of its attention ({low:.0f} to {high:.0f} %) goes to the border of the picture, the "
        f"outermost ring of stage {row['stage']}’s tokens, which is {100 * area:.0f} % of the area."
    )
    return f'<p class="say">{said}</p>'


def figure(row: dict, when: str) -> tuple[float, float, float]:
    """The mean of a head, with its interval."""
    mean, low, high = row[when]["all"]
    return mean, low, high


def times(value: float, sign: str = " ×") -> str:
    return f"{value:.{1 if value >= 9.95 else 2}f}{sign}"


def spread(found: dict) -> str:
    """HTML: all heads in a paragraph and a table by stage and step, trained and not."""
    trained = [figure(row, "trained") for row in found["heads"]]
    more, less = verdicts(trained)
    said = (
        f"Of {len(trained)} [heads](#head), {more} give the object more than an even share, {less} less, and {len(trained) - more - less} "
        "cannot be told from even (1 × lies in their interval)."
    )
    if "known" in found:
        known = sum(map(bool, found["objects"].values()))
        said += f" The model knows {known} of the objects, and names {found['right']} of their {found['known']} pictures correctly."
    groups: dict[tuple[int, str], list[dict]] = {}
    for row in found["heads"]:
        groups.setdefault((row["stage"], row["kind"]), []).append(row)
    lines = "".join(_group(stage, kind, rows) for (stage, kind), rows in groups.items())
    said += _mostly(groups)
    head = "<th>Stage, step</th><th>heads</th><th>more</th><th>less</th><th>middle head</th><th>random weights</th>"
    if "border" in found:
        head += "<th>on the border</th>"
        said += " The last column is the middle head’s attention on the border of the picture, against its area."
    return f'<p class="say">{linked(said, "spread")}</p>{_table(head, lines)}'


def _mostly(groups: dict[tuple[int, str], list[dict]]) -> str:
    """A sentence for each side: in which stages and steps more than half of the heads look at the object, or away from it."""
    said = ""
    for side, words in enumerate(("look at it", "look past it")):
        names = []
        for (stage, kind), rows in groups.items():
            count = verdicts([figure(row, "trained") for row in rows])[side]
            if 2 * count > len(rows):
                names.append(f"{stage}, {kind} ({count} of {len(rows)})")
        if names:
            said += f" Steps in which most heads {words}: {'; '.join(names)}."
    return said


def _group(stage: int, kind: str, rows: list[dict]) -> str:
    """A row of the table: the heads of one stage and step."""
    trained, random = ([figure(row, when) for row in rows] for when in WHENCE)
    more, less = verdicts(trained)
    middle = [times(median(mean for mean, *_ in figures)) for figures in (trained, random)]
    border = [_middle_border(rows)] if "border" in rows[0] else []
    cells = "".join(f"<td>{cell}</td>" for cell in (len(rows), more, less, f"<b>{middle[0]}</b>", middle[1], *border))
    return f'<tr><th scope="row">{stage}, <span class="{kind}">{kind}</span></th>{cells}</tr>'


def _middle_border(rows: list[dict]) -> str:
    """The middle head's attention on the border; a dash where no window holds both border and inside."""
    return times(median(row["border"][0] for row in rows)) if all(row["border"] for row in rows) else "–"


def _table(head: str, lines: str) -> str:
    return f'<table class="looks"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'


def verdicts(figures: list[tuple[float, float, float]]) -> tuple[int, int]:
    """How many intervals lie above 1, and how many below."""
    return sum(low > 1 for _, low, _ in figures), sum(high < 1 for *_, high in figures)


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
    lines = "".join(_hypothesis(rows, key, words) for key, words in KEY_WORDS.items())
    said = (
        f"<b>What do most local heads do instead?</b> In a [window](#window) of stage {rows[0]['stage']}, the strongest [key](#key) of a "
        f"token gets {min(weights):.0f} to {max(weights):.0f} times the even weight of 1/{keys} (the mean of a head). Which key is it? "
        f"In {rows[0]['windows']} windows, for each of {len(rows)} heads:"
    )
    head = "<th>The key that most tokens of a window read most …</th><th>middle head (all heads)</th><th>by lot</th>"
    return f'<p class="say">{linked(said, "instead")}</p>{_table(head, lines)}<p class="say">{ANSWER}</p>'


def _hypothesis(rows: list[dict], key: str, words: str) -> str:
    """A row of the table: in how many windows an explanation is true."""
    low, middle, high = (100 * pick([row[key] for row in rows]) for pick in (min, median, max))
    found = f"<td><b>{middle:.0f} %</b> ({low:.0f} to {high:.0f})</td>"
    return f'<tr><th scope="row">{words}</th>{found}<td>{100 * rows[0]["chance"][key]:.0f} %</td></tr>'
