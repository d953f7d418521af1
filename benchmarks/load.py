"""Many people at once: `python benchmarks/load.py`. Prints Markdown tables and writes nothing.

Starts the app on 127.0.0.1 and speaks Streamlit's websocket as a browser does. Visitors arrive while PyTorch is still being read, each by
a link to the Explorer with a picture and a token of its own. Then each thinks, and does one of these, until the time is up: clicks
another token in the Explorer (6 of 10), moves G1 or G2 by one token in the sidebar (2), goes to another page (2; who would click or move
and finds no token or slider there goes to the Explorer). Why? is left out: it works for seconds by design, and shows how far it is.

Each time runs from the question to the end of the script's run. Each answer must be to the visitor's own question: its address, the line
that names its picture, and in the Explorer the component's data name its picture and its token. An error is an answer that names
anything else, an exception or a note of one on the page, a socket that closes, or no answer within a minute. Not included are the files
(scripts, fonts) that a browser loads once, and its drawing. Visitors and server share this machine. Run it on an idle one.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

from app.core.samples import SAMPLES, offered
from tools.running_app import REPO, running_app

PATIENCE = 60  # s until an answer counts as lost
GOAL = 1.5  # s within which 95 of 100 clicks shall be answered
FIRST, CLICK, SLIDE, PAGE = "first page, from connecting", "click to answer", "G1 or G2 moved", "another page"
PAGES = ("", "explorer", "equations", "grids", "cost")  # as in the address
SIDE = 16  # visitors choose the middles of the squares of a picture cut into SIDE x SIDE
NOTES = ("Something went wrong", "This cannot be shown")


class Gone(Exception):
    """A visitor cannot go on."""


class Record:
    """What all visitors have seen: seconds of each kind of question, and errors in words."""

    def __init__(self):
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: dict[str, Counter[str]] = defaultdict(Counter)


class Visitor:
    """One person with one browser tab: what the page shows, and what the person asks of it."""

    def __init__(self, number: int, visitors: int, seed: int, record: Record):
        self.random, self.record = random.Random(f"{seed} {number}"), record
        photographs = offered(cards=False)
        self.image = photographs[number % len(photographs)]
        # Nobody else's, as long as there are enough.
        squares = list(range(number % SIDE**2, SIDE**2, visitors))
        self.random.shuffle(squares)
        self.places = itertools.cycle(((square // SIDE + 0.5) / SIDE, (square % SIDE + 0.5) / SIDE) for square in squares)
        self.place = next(self.places)
        self.address = {"image": self.image, "token": self._token()}
        self.script = ""  # the hash of the page's script
        self.pages: dict[str, str] = {}  # address -> hash
        self.sides: dict[str, float] = {}  # what the sliders show, "g1" and "g2"; the server names it only where it changes
        self._clear()

    def _token(self) -> str:
        return ",".join(f"{fraction:.4f}" for fraction in self.place)

    def _clear(self) -> None:
        """A run of the whole page draws all of this anew."""
        self.where, self.sliders, self.explorer = "", {}, None

    async def visit(self, url: str, arrival: float, stay: float, think: float) -> None:
        """From arriving (on the clock of `time.monotonic`) to leaving. stay: seconds from the first page on. think: seconds, on average."""
        await asyncio.sleep(arrival - time.monotonic())
        start = time.perf_counter()
        try:
            async with websockets.connect(
                f"{url.replace('http', 'ws', 1)}/_stcore/stream",
                subprotocols=["streamlit"],
                open_timeout=PATIENCE,
                ping_interval=None,  # a browser sends none
                compression=None,
                max_size=None,
                proxy=None,
            ) as self.socket:
                await self._ask(FIRST, start, page_name="explorer")
                self._check(FIRST)
                end = time.monotonic() + stay
                while True:
                    await asyncio.sleep(min(self.random.uniform(0, 2 * think), max(0, end - time.monotonic())))
                    if time.monotonic() >= end:
                        return
                    await self.random.choices((self.click, self.slide, self.turn), (6, 2, 2))[0]()
        except Gone:
            return
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:  # it could not even connect
            self._error(FIRST, f"no connection: {error!r}")

    async def click(self) -> None:
        """Another token in the Explorer."""
        if self.script != self.pages["explorer"]:
            return await self._go("explorer")
        component, fragment, data = self.explorer
        self.place, turn = next(self.places), data["turn"] + 1
        state = WidgetState(id=component, json_value=json.dumps({"picked": {"place": self.place, "turn": turn}}))
        await self._ask(CLICK, fragment_id=fragment, widget_states=WidgetStates(widgets=[state]))
        self._check(CLICK)
        if self.explorer[2]["turn"] != turn:
            self._error(CLICK, "the Explorer answers another click")

    async def slide(self) -> None:
        """G1 or G2 one token larger or smaller."""
        if not self.sliders:  # this page has its own
            return await self._go("explorer")
        name = self.random.choice(sorted(self.sliders))
        slider, before = self.sliders[name], self.address.get(name, "").split(",")
        value = self.sides[name]
        value += self.random.choice([step for step in (-1, 1) if slider.min <= value + step <= slider.max])
        self.sides[name] = value
        state = WidgetState(id=slider.id)
        state.double_array_value.data.append(value)
        await self._ask(SLIDE, widget_states=WidgetStates(widgets=[state]))
        self._check(SLIDE)
        after = self.address.get(name, "").split(",")
        if [new for old, new in zip(before, after, strict=False) if new != old] != [f"{value:.0f}"]:
            self._error(SLIDE, "the address names another side")

    async def turn(self) -> None:
        """Another page."""
        await self._go(self.random.choice([page for page in PAGES if self.pages[page] != self.script]))

    async def _go(self, page: str) -> None:
        kept, self.address = self.address, {}  # as the browser does; the server writes it again
        self.script = self.pages[page]
        await self._ask(PAGE)
        self._check(PAGE)
        if self.script != self.pages[page]:
            self._error(PAGE, "another page than asked for")
        if self.address != kept:
            self._error(PAGE, "the address names another view")

    async def _ask(self, kind: str, start: float | None = None, **what) -> None:
        """Have the script run, and read its messages until it has ended."""
        start = start or time.perf_counter()
        question = BackMsg(
            rerun_script=ClientState(query_string=urlencode(self.address), page_script_hash=self.script, **what)
        ).SerializeToString()
        if "fragment_id" not in what:
            self._clear()
        try:
            await self.socket.send(question)
            await asyncio.wait_for(self._read(kind), PATIENCE)
        except asyncio.TimeoutError:
            self._error(kind, f"no answer within {PATIENCE} s")
            raise Gone from None
        except websockets.ConnectionClosed:
            self._error(kind, "the socket was closed")
            raise Gone from None
        self.record.times[kind].append(time.perf_counter() - start)

    async def _read(self, kind: str) -> None:
        while True:
            message = ForwardMsg.FromString(await self.socket.recv())
            what = message.WhichOneof("type")
            if what == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    self._error(kind, "the script does not compile")
                return
            if what == "navigation":
                self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
                self.script = message.navigation.page_script_hash
            elif what == "page_info_changed":
                self.address = dict(parse_qsl(message.page_info_changed.query_string))
            elif what == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._draw(kind, message.delta.new_element, message.delta.fragment_id)

    def _draw(self, kind: str, element, fragment: str) -> None:
        what = element.WhichOneof("type")
        if what == "exception":
            self._error(kind, f"exception: {element.exception.type}")
        elif what == "html":
            for note in NOTES:
                if note in element.html.body:
                    self._error(kind, f"note: {note}")
            if found := re.search('<p class="where">(.*) · .* · stage', element.html.body):
                self.where = found[1]
        elif what == "slider" and (found := re.search(r"-choose_(g[12])_\d+$", element.slider.id)):
            self.sliders[found[1]] = element.slider
            if element.slider.set_value:
                self.sides[found[1]] = element.slider.value[0]
            self.sides.setdefault(found[1], element.slider.default[0])
        elif what == "bidi_component" and element.bidi_component.id.endswith("-explorer"):
            self.explorer = (element.bidi_component.id, fragment, json.loads(element.bidi_component.json))

    def _check(self, kind: str) -> None:
        """What the page shows is this visitor's."""
        title = SAMPLES[self.image].title
        if (self.address.get("image"), self.address.get("token")) != (self.image, self._token()):
            self._error(kind, "the address names another picture or token")
        if self.where != title:
            self._error(kind, "another picture above the page")
        at_explorer = self.script == self.pages.get("explorer")
        if at_explorer and not (self.sliders and self.explorer):
            self._error(kind, "no sliders, or no Explorer")
            raise Gone
        if at_explorer:
            data = self.explorer[2]
            if data["title"] != title or data["token"] != [int(part * side) for part, side in zip(self.place, data["grid"], strict=True)]:
                self._error(kind, "the Explorer shows another picture or token")

    def _error(self, kind: str, what: str) -> None:
        self.record.errors[kind][what] += 1


def process(url: str) -> Path | None:
    """The folder in /proc of the server at `url`; None where there is none."""
    flag = f"--server.port={urlsplit(url).port}".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            if flag in path.read_bytes().split(b"\0"):
                return path.parent
    return None


def memory(url: str) -> dict[str, float] | None:
    """MiB of the server at `url` now ("VmRSS") and at its peak ("VmHWM"); None where /proc does not tell."""
    if (folder := process(url)) is None:
        return None
    return {key: int(kb) / 1024 for key, kb in re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", (folder / "status").read_text())}


async def watch_memory(url: str, minutes: float) -> list[float]:
    """The server's resident memory in MiB at the end of each tenth of the visit; nothing where it cannot be told."""
    seen = []
    for _ in range(10):
        await asyncio.sleep(6 * minutes)
        if now := memory(url):
            seen.append(now["VmRSS"])
    return seen


async def crowd(url: str, args: argparse.Namespace) -> tuple[Record, list[float]]:
    """Let all visitors come, stay and leave; what they have seen, and the server's memory meanwhile."""
    record, now = Record(), time.monotonic()
    watch = asyncio.create_task(watch_memory(url, args.minutes))
    visitors = [Visitor(number, args.visitors, args.seed, record) for number in range(args.visitors)]
    arrivals = [now + args.arrive * number / args.visitors for number in range(args.visitors)]
    await asyncio.gather(
        *(visitor.visit(url, arrival, 60 * args.minutes, args.think) for visitor, arrival in zip(visitors, arrivals, strict=True))
    )
    return record, await watch


def report(record: Record, args: argparse.Namespace, busy: float) -> None:
    """Print what the visitors have seen. busy: the share of one processor that they took themselves."""
    print("| ms | median | quartiles | 95 % | n | errors |\n| --- | --- | --- | --- | --- | --- |")
    for kind in (FIRST, CLICK, SLIDE, PAGE):
        times, errors = [1000 * seconds for seconds in record.times[kind]], record.errors[kind].total()
        if len(times) < 2:
            print(f"| {kind} | | | | {len(times)} | {errors} |")
            continue
        low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
        p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
        print(f"| {kind} | {middle:,.0f} | {low:,.0f} to {high:,.0f} | {p95:,.0f} | {len(times)} | {errors} |")
    for kind, errors in record.errors.items():
        for what, times in errors.most_common():
            print(f"- {kind}: {times} × {what}")
    clicks, total = record.times[CLICK], sum(errors.total() for errors in record.errors.values())
    share = f"{sum(seconds <= GOAL for seconds in clicks) / len(clicks):.0%}" if clicks else "none"
    print(f"\nGoal for 30 visitors on 2 processors: no error, and 95 % of clicks answered within {GOAL} s.")
    print(f"Here, {args.visitors} visitors on {os.cpu_count()} processors: {total} errors, and {share} of clicks within {GOAL} s.")
    print(f"The visitors themselves kept {busy:.0%} of one processor busy.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=30, help="how many come (30)")
    parser.add_argument("--arrive", type=float, default=5, help="seconds within which they come, evenly spaced (5)")
    parser.add_argument("--minutes", type=float, default=1, help="how long each stays from the first page on (1)")
    parser.add_argument("--think", type=float, default=5, help="seconds of thought before each action: the mean of 0 to twice as many (5)")
    parser.add_argument("--seed", type=int, default=0, help="of what they do (0)")
    kept = "Streamlit forgets a visitor two minutes after"
    parser.add_argument("--after", type=float, default=5, help=f"seconds from their leaving to the last look at the memory; {kept} (5)")
    parser.add_argument("--checkout", type=Path, default=REPO, metavar="PATH", help="the project whose app is served (this one)")
    args = parser.parse_args()
    with running_app(args.checkout.resolve() / "app" / "main.py") as url:
        before, started, worked = memory(url), time.perf_counter(), time.process_time()
        record, meanwhile = asyncio.run(crowd(url, args))
        busy = (time.process_time() - worked) / (time.perf_counter() - started)
        time.sleep(args.after)
        after = memory(url)
    report(record, args, busy)
    if before and after:
        print("\n| memory of the server, MiB | at the start | after each tenth of the visit | at its peak | after all have left |")
        print("| --- | --- | --- | --- | --- |")
        tenths = ", ".join(f"{mib:,.0f}" for mib in meanwhile)
        print(f"| resident | {before['VmRSS']:,.0f} | {tenths} | {after['VmHWM']:,.0f} | {after['VmRSS']:,.0f} |")
    else:
        print("\nMemory of the server: not measured (this system has no /proc).")
    sys.exit(any(record.errors.values()))


if __name__ == "__main__":
    main()
