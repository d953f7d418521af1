"""How fast the app is on this machine, beside a bare Streamlit page: `python benchmarks/app_latency.py`.

Prints a Markdown table and writes nothing. Chromium visits two servers by turns: one with bare_page.py (a slider, and one component that
the server paints), one with the app. What disturbs one disturbs the other, so the ratio of the two says what is the app's own. Measured
on each page:

- first picture: from opening its address in a fresh browser to the first telling picture, on a server that is up;
- clicks on other tokens, to new maps; on Start and in the Explorer, where the browser draws them by itself, to the server's answer;
- in the Explorer also arrow keys, and what the browser works for one hover;
- G1 and G2 moved, by the sidebar's sliders or the page's own controls, to new maps: with the shipped checkpoint, and with hatnet_tiny at
  224 x 224 pixels (random weights of a fixed seed: the time does not depend on them). On Why? such a move starts work of seconds: not
  measured.

Clicks and keys are compared with a click on the bare page, moves of G1 and G2 with a move of its slider. All is timed in the browser, by
the frame in which canvases have other pixels. With --against, another checkout of this project takes its turns too, and the last columns
say how this one compares with it. Run it on an idle machine: the defaults take about half an hour, and half as long again with --against.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from playwright.sync_api import Browser, Page

import hatnet
from tools.chromium import chromium
from tools.running_app import REPO, path_of, running_app, settle

BARE = Path(__file__).with_name("bare_page.py")
HELPERS = BARE.with_name("app_latency.js").read_text(encoding="utf-8")
PAUSE = 600  # ms after an answer: the server tidies up, and the other lane shall not feel it
GOALS = {"picture": "≤ 1.4 ×", "click": "≤ 1.5 ×", "slide": "≤ 2.5 ×", "tiny": "≤ 1,000 ms", "hover": "≤ 16 ms"}


@dataclass(frozen=True, kw_only=True)
class View:
    """Where a page shows what is measured. "host inner": `inner` in the shadow root of `host`."""

    picture: str  # the first telling picture
    maps: str = ""  # the canvases (or, without any, the HTML) that follow token, G1 and G2; "": nothing does
    photo: str = ""  # the photograph that is clicked
    by_address: bool = False  # a click is answered when the address changes: the browser has drawn the maps already


VIEWS = {
    "start": View(picture="[data-testid=stMain]", maps=".st-key-story", photo=".st-key-story .card.active", by_address=True),
    "explorer": View(picture=".st-key-explorer .map", maps=".st-key-explorer .map", photo=".st-key-explorer .frame", by_address=True),
    "equations": View(picture=".st-key-board", maps=".st-key-board", photo=".st-key-eq_picker .frame"),
    "grids": View(picture=".st-key-local_B", maps=".st-key-local_B, .st-key-global_B", photo=".st-key-grids_picker .frame"),
    "compare": View(picture=".st-key-five", maps=".st-key-five", photo=".st-key-five figure:last-child .map:last-of-type"),
    "cost": View(picture=".bars", maps=".bars"),
    "why": View(picture=".st-key-why_raw", maps=".st-key-why_raw", photo=".st-key-why_picker .frame"),
    "paper": View(picture=".bars"),
}
BARE_VIEW = View(picture=".st-key-bare", maps=".st-key-bare", photo=".st-key-bare canvas")
SLIDERS = ("Window side G₁", "Cell side G₂")


@dataclass(frozen=True)
class Lane:
    """One of the servers that take turns, at one page."""

    url: str
    name: str  # of VIEWS, or "bare"
    query: str = ""

    @property
    def view(self) -> View:
        return VIEWS.get(self.name, BARE_VIEW)

    @property
    def address(self) -> str:
        return self.url + ("/" if self.name == "bare" else path_of(self.name)) + self.query


def by_turns(lanes: dict, count: int, measure: Callable) -> dict[str, list[float]]:
    """Milliseconds for each lane; `measure` gets the lane and the number of the round. Every other round goes backwards."""
    times = {name: [] for name in lanes}
    for n in range(count):
        for name in list(lanes)[:: -1 if n % 2 else 1]:
            times[name].append(measure(lanes[name], n))
    return times


def fresh(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(HELPERS)
    return page


def ready(browser: Browser, lane: Lane) -> float:
    """Milliseconds from the request of a fresh browser to the first telling picture."""
    page = fresh(browser)
    try:
        page.goto(lane.address, wait_until="commit")
        return page.evaluate("selector => lab.when(() => lab.painted(selector))", lane.view.picture)
    finally:
        page.context.close()


class Opened:
    """A lane's page with its first picture, quiet; each method takes one measurement, in milliseconds."""

    def __init__(self, browser: Browser, lane: Lane):
        self.lane, self.view, self.page = lane, lane.view, fresh(browser)
        self.page.goto(lane.address)
        settle(self.page)
        self.page.evaluate("selector => lab.when(() => lab.painted(selector))", self.view.picture)

    def _answer(self) -> float:
        time = self.page.evaluate("lab.answer")
        self.page.wait_for_timeout(PAUSE)
        return time

    def _spot(self, n: int) -> tuple[float, float]:
        """A place on the photograph, far from the one before; not on its edge, from which an arrow key may not lead on."""
        photo = self.page.locator(self.view.photo)
        photo.scroll_into_view_if_needed()
        box = photo.bounding_box()
        x, y = (n * 5 + 2) % 14 + 1, (n * 3 + 1) % 14 + 1
        return box["x"] + (x + 0.5) / 16 * box["width"], box["y"] + (y + 0.5) / 16 * box["height"]

    def click(self, n: int) -> float:
        spot = self._spot(n)
        self.page.evaluate("lab.armAddress('mousedown')" if self.view.by_address else f"lab.arm('mousedown', '{self.view.maps}')")
        self.page.mouse.click(*spot)
        return self._answer()

    def key(self, n: int) -> float:
        if self.lane.name == "bare":
            return self.click(n)
        self.page.locator(self.view.photo).focus()
        self.page.evaluate(f"lab.arm('keydown', '{self.view.maps}')")
        self.page.keyboard.press(["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"][n % 4])
        return self._answer()

    def hover(self, n: int) -> float:
        """The browser's work for one movement of the pointer."""
        spot = self._spot(n)
        self.page.evaluate("window.work = 0")
        self.page.mouse.move(*spot)
        self.page.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        return self.page.evaluate("window.work")

    def slide(self, n: int) -> float:
        if self.lane.name == "equations":  # an equation that the side stands in
            self.page.get_by_role("radio", name=("Local attention", "Average-pool")[n % 2]).check(force=True)
            self.page.wait_for_timeout(PAUSE)
        name, key = "Hue" if self.lane.name == "bare" else SLIDERS[n % 2], "ArrowRight" if n % 4 < 2 else "ArrowLeft"
        if self.lane.name == "grids":  # there, buttons: a key goes to the next one, and another chooses it
            self.page.locator(f"[class*=st-key-grids_g{n % 2 + 1}_]").get_by_role("radio", checked=True).focus()
            self.page.keyboard.press(key)
            key = "Enter"
        else:
            self.page.get_by_role("slider", name=name).focus()
        self.page.evaluate(f"lab.arm('keydown', '{self.view.maps}')")
        self.page.keyboard.press(key)
        return self._answer()


def tiny(folder: Path) -> None:
    """hatnet_tiny with random weights, as a run that the app offers."""
    torch.manual_seed(0)
    run = folder / "runs" / "random-tiny"
    run.mkdir(parents=True)
    classes = [f"class {n}" for n in range(1, 1001)]
    info = {"classes": classes, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "image_size": 224}
    info |= {"data": "random weights", "accuracy": 0.001}
    hatnet.save_checkpoint(hatnet.create_model("hatnet_tiny"), run / "best.safetensors", info)


def chosen(browser: Browser, url: str) -> str:
    """What the address says once the sidebar's checkpoint is hatnet_tiny: "?checkpoint=..."."""
    page = Opened(browser, Lane(url, "cost")).page
    try:
        page.get_by_test_id("stSidebar").get_by_role("combobox", name=re.compile("Checkpoint")).click()
        page.get_by_role("option").filter(has_text="random-tiny").click()
        page.wait_for_function("location.search.includes('random-tiny')")
        return "?" + urlencode({"checkpoint": page.evaluate("new URLSearchParams(location.search).get('checkpoint')")})
    finally:
        page.context.close()


def header(lanes: dict) -> None:
    columns = ["ms", "median", "quartiles", "95 %", "n", "bare page (quartiles)", "× bare", "goal"]
    columns += ["other checkout (quartiles)", "× other"] if "other" in lanes else []
    print(f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")


def row(what: str, times: dict[str, list[float]], goal: str) -> None:
    """One line of the table. The ratios are those of the medians."""

    def beside(name: str) -> list[str]:
        if name not in times:
            return ["", ""]
        low, middle, high = statistics.quantiles(times[name], n=4, method="inclusive")
        return [f"{middle:,.0f} ({low:,.0f} to {high:,.0f})", f"{statistics.median(times['here']) / middle:.2f}"]

    low, middle, high = statistics.quantiles(times["here"], n=4, method="inclusive")
    p95 = statistics.quantiles(times["here"], n=20, method="inclusive")[-1]
    cells = [what, f"{middle:,.0f}", f"{low:,.0f} to {high:,.0f}", f"{p95:,.0f}", f"{len(times['here'])}", *beside("bare"), GOALS[goal]]
    print(f"| {' | '.join(cells + (beside('other') if 'other' in times else []))} |", flush=True)


def measure(browser: Browser, lanes: dict[str, Lane], count: int, size: str) -> None:
    """Clicks, keys, hovers and sliders of one page with one checkpoint. size: "compact" or "tiny"."""
    name = lanes["here"].name
    with ExitStack() as contexts:
        pages = {}
        for lane_name, lane in lanes.items():
            pages[lane_name] = Opened(browser, lane)
            contexts.callback(pages[lane_name].page.context.close)
        if lanes["here"].view.photo and size == "compact":
            to = "the answer" if lanes["here"].view.by_address else "new maps"
            row(f"{name}: click to {to}", by_turns(pages, count, Opened.click), "click")
        if name == "explorer":
            row(f"{name}: key to new maps, {size}", by_turns(pages, count, Opened.key), "click")
            ours = {lane: page for lane, page in pages.items() if lane != "bare"}
            row(f"{name}: hover, work of the browser, {size}", by_turns(ours, count, Opened.hover), "hover")
        if lanes["here"].view.maps and name != "why":  # there a change of grids starts work of seconds, which shows its progress
            row(f"{name}: G1 or G2 changed, {size}", by_turns(pages, count, Opened.slide), "slide" if size == "compact" else "tiny")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=7, help="fresh browsers for each page, at least 2 (7)")
    parser.add_argument("--clicks", type=int, default=30, help="clicks, keys, moves of a slider, at least 2 (30)")
    parser.add_argument("--views", nargs="+", choices=list(VIEWS), default=list(VIEWS), help="only these pages (all)")
    parser.add_argument("--no-tiny", action="store_true", help="without hatnet_tiny at 224 x 224")
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout of this project, measured in the same run")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        if not args.no_tiny:
            tiny(folder)
        # The bare page is started in app/, where it finds the app's .streamlit/config.toml.
        servers = {"bare": (BARE, REPO / "app"), "here": (REPO / "app" / "main.py", folder)}
        if args.against:
            servers["other"] = (args.against.resolve() / "app" / "main.py", folder)
        browser, urls = stack.enter_context(chromium()), {}
        for server, (script, home) in servers.items():
            start = time.perf_counter()
            urls[server] = stack.enter_context(running_app(script, home))
            up = time.perf_counter() - start
            first = ready(browser, Lane(urls[server], "bare" if server == "bare" else args.views[0])) / 1000
            print(f"{server}: the server answers after {up:.1f} s; its first visitor's first picture takes {first:.1f} s", flush=True)

        def lanes(view: str, queries: dict[str, str]) -> dict[str, Lane]:
            return {server: Lane(url, "bare" if server == "bare" else view, queries.get(server, "")) for server, url in urls.items()}

        header(urls)
        for view in args.views:
            these = lanes(view, {})
            by_turns(these, 1, lambda lane, n: Opened(browser, lane).page.context.close())  # fills the caches
            row(f"{view}: first picture", by_turns(these, args.visits, lambda lane, n: ready(browser, lane)), "picture")
        for view in args.views:
            measure(browser, lanes(view, {}), args.clicks, "compact")
        if not args.no_tiny:
            queries = {server: chosen(browser, url) for server, url in urls.items() if server != "bare"}
            for view in args.views:
                if view not in ("start", "why"):
                    measure(browser, lanes(view, queries), args.clicks, "tiny")


if __name__ == "__main__":
    main()
