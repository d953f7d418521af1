"""How fast the app is on this machine: `python benchmarks/app_latency.py`. Prints a Markdown table and writes nothing.

Drives Chromium on a server that is up. For each view: from opening its address in a fresh browser to the first telling picture. In
the Explorer: hovers, keys to new maps, and clicks until the server has answered; elsewhere clicks to new maps. On every view with maps:
G1 and G2 moved by the sidebar's sliders, with the shipped checkpoint and with hatnet_tiny at 224 x 224 pixels (random weights of a
fixed seed: the time does not depend on them). All is timed in the browser, by the frame in which canvases have other pixels.
Run it on an idle machine.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

import hatnet
from tools.chromium import chromium
from tools.running_app import path_of, running_app, settle

# Where a view's first telling picture is, and the canvases that follow token, G1 and G2 (none: charts follow).
VIEWS = {
    "start": ("[data-testid=stMain]", None),
    "explorer": (".st-key-explorer .map", ".st-key-explorer .map"),
    "equations": (".st-key-board", ".st-key-board"),
    "grids": (".st-key-local_B", ".st-key-local_B, .st-key-global_B"),
    "cost": (".looks", ".looks"),
    "why": (".st-key-why_raw", ".st-key-why_raw"),
}
PICKER = {"explorer": "explorer", "equations": "eq_picker", "grids": "grids_picker"}
GOALS = {"picture": 1500, "click": 150, "compact": 400, "tiny": 1000, "hover": 16}

HELPERS = """
window.lab = {
  // Components draw in shadow roots: elements are looked for through them. "host inner": a host on the page, and what is in its root.
  deep(root, selector) {
    const found = [...root.querySelectorAll(selector)];
    for (const each of root.querySelectorAll("*")) if (each.shadowRoot) found.push(...this.deep(each.shadowRoot, selector));
    return found;
  },
  areas(selector) {
    return selector.split(", ").flatMap((one) => {
      const [host, inner] = one.split(" ");
      const hosts = [...document.querySelectorAll(host)];
      return inner ? hosts.flatMap((element) => this.deep(element, inner)) : hosts;
    });
  },
  // What is to be seen in an area: a few pixels of each canvas, and its text where there is none.
  seen(selector) {
    return this.areas(selector).map((area) => {
      const canvases = this.deep(area, "canvas").filter((canvas) => canvas.width && canvas.height);
      return canvases.length ? canvases.map((canvas) => this.pixels(canvas)).join() : area.innerHTML;
    }).join("|");
  },
  pixels(canvas) {
    const small = (this.small ??= new OffscreenCanvas(40, 40).getContext("2d", { willReadFrequently: true }));
    small.clearRect(0, 0, 40, 40);
    small.drawImage(canvas, 0, 0, 40, 40);
    let hash = 0;
    for (const value of small.getImageData(0, 0, 40, 40).data) hash = (Math.imul(hash, 31) + value) | 0;
    return hash;
  },
  // A picture is there: a canvas that is painted, a photograph that is loaded, or a figure of HTML.
  painted(selector) {
    const areas = this.areas(selector);
    if (!areas.length) return false;
    const blank = (canvas) => {
      const c = new OffscreenCanvas(8, 8).getContext("2d");
      c.drawImage(canvas, 0, 0, 8, 8);
      const data = [...c.getImageData(0, 0, 8, 8).data];
      return data.every((value, i) => value === data[i % 4]);
    };
    return areas.some((area) => area.matches(".looks")
      || this.deep(area, "canvas").some((canvas) => canvas.clientWidth > 60 && canvas.width && !blank(canvas))
      || this.deep(area, "img").some((image) => image.clientWidth > 200 && image.complete && image.naturalWidth));
  },
  when(condition) {
    return new Promise((resolve) => {
      const look = () => condition() ? resolve(performance.now()) : requestAnimationFrame(look);
      look();
    });
  },
  // Resolves with the milliseconds from the next event of a kind to the frame in which an area looks different.
  arm(kind, selector) {
    const before = this.seen(selector);
    this.answer = new Promise((resolve) => addEventListener(kind, () => {
      const start = performance.now();
      this.when(() => this.seen(selector) !== before && this.areas(selector).length).then((end) => resolve(end - start));
    }, { capture: true, once: true }));
  },
  // The same until the server has answered: the page's address names another token.
  armAddress(kind) {
    const before = location.search;
    this.answer = new Promise((resolve) => addEventListener(kind, () => {
      const start = performance.now();
      this.when(() => location.search !== before).then((end) => resolve(end - start));
    }, { capture: true, once: true }));
  },
};
// What a hover costs the browser: its handlers and the drawing that they ask for, without the wait for the next frame.
window.work = 0;
const later = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (call) => later((now) => {
  const start = performance.now();
  call(now);
  window.work += performance.now() - start;
});
let begun = 0;
addEventListener("pointermove", () => (begun = performance.now()), true);
addEventListener("pointermove", () => (window.work += performance.now() - begun));
"""


def ready(browser, url: str, view: str, query: str = "") -> float:
    """Milliseconds from the request of a fresh browser to a view's first telling picture."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(120_000)
    try:
        page = context.new_page()
        page.add_init_script(HELPERS)
        page.goto(url + path_of(view) + query, wait_until="commit")
        return page.evaluate("selector => lab.when(() => lab.painted(selector))", VIEWS[view][0])
    finally:
        context.close()


def opened(browser, url: str, view: str, query: str = ""):
    """A page of a view with its first picture, quiet."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(HELPERS)
    page.goto(url + path_of(view) + query)
    settle(page)
    page.evaluate("selector => lab.when(() => lab.painted(selector))", VIEWS[view][0])
    return page


def spots(page, view: str, count: int) -> list[tuple[float, float]]:
    """Places on a view's photograph, far from each other."""
    frame = page.locator(f".st-key-{PICKER[view]} .frame")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    places = [((n * 7 + 2) % 16, (n * 5 + 1) % 16) for n in range(count)]
    return [(box["x"] + (x + 0.5) / 16 * box["width"], box["y"] + (y + 0.5) / 16 * box["height"]) for x, y in places]


def clicks(page, view: str, count: int) -> list[float]:
    """Milliseconds of clicks on other tokens: to new maps; in the Explorer, where hovering has drawn them, to the server's answer."""
    times = []
    for x, y in spots(page, view, count):
        page.evaluate("lab.armAddress('mousedown')" if view == "explorer" else f"lab.arm('mousedown', '{VIEWS[view][1]}')")
        page.mouse.click(x, y)
        times.append(page.evaluate("lab.answer"))
        page.wait_for_timeout(150)
    return times


def keys(page, count: int) -> list[float]:
    """Milliseconds of arrow keys in the Explorer, to new maps."""
    page.locator(".st-key-explorer .frame").focus()
    times = []
    for n in range(count):
        page.evaluate(f"lab.arm('keydown', '{VIEWS['explorer'][1]}')")
        page.keyboard.press(["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"][n % 4])
        times.append(page.evaluate("lab.answer"))
        page.wait_for_timeout(300)
    return times


def hovers(page, count: int) -> list[float]:
    """Milliseconds that the browser works for one movement of the pointer over the Explorer's photograph."""
    times = []
    for x, y in spots(page, "explorer", count):
        page.evaluate("window.work = 0")
        page.mouse.move(x, y)
        page.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        times.append(page.evaluate("window.work"))
    return times


def slides(page, view: str, count: int) -> list[float]:
    """Milliseconds of moves of the sidebar's sliders for G1 and G2 by one token, to new maps."""
    times, sidebar = [], page.get_by_test_id("stSidebar")
    for n in range(count):
        name = ("Window side G₁", "Cell side G₂")[n % 2]
        slider = sidebar.get_by_role("slider", name=name)
        slider.focus()
        if view == "equations":  # an equation that the side stands in
            page.get_by_role("radio", name=("Local attention", "Average-pool")[n % 2]).check(force=True)
            page.wait_for_timeout(600)
            slider.focus()
        page.evaluate(f"lab.arm('keydown', '{VIEWS[view][1]}')")
        page.keyboard.press("ArrowRight" if n % 4 < 2 else "ArrowLeft")
        times.append(page.evaluate("lab.answer"))
        page.wait_for_timeout(600)
    return times


def tiny(folder: Path) -> None:
    """hatnet_tiny with random weights, as a run that the app offers."""
    torch.manual_seed(0)
    run = folder / "runs" / "random-tiny"
    run.mkdir(parents=True)
    classes = [f"class {n}" for n in range(1, 1001)]
    info = {"classes": classes, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "image_size": 224}
    info |= {"data": "random weights", "accuracy": 0.001}
    hatnet.save_checkpoint(hatnet.create_model("hatnet_tiny"), run / "best.safetensors", info)


def chosen(browser, url: str, view: str) -> str:
    """What the address says once the sidebar's checkpoint is hatnet_tiny: "?checkpoint=..."; "" where it is not offered."""
    page = opened(browser, url, view)
    try:
        page.get_by_test_id("stSidebar").get_by_role("combobox", name=re.compile("Checkpoint")).click()
        option = page.get_by_role("option").filter(has_text="random-tiny")
        page.get_by_role("option").first.wait_for()
        if not option.count():
            return ""
        option.click()
        page.wait_for_function("location.search.includes('random-tiny')")
        return "?" + urlencode({"checkpoint": page.evaluate("new URLSearchParams(location.search).get('checkpoint')")})
    finally:
        page.context.close()


def line(what: str, times: list[float], goal: str = "") -> None:
    """One line of the table, in milliseconds: median, quartiles, 95th percentile."""
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    limit = f"<= {GOALS[goal]:,}" if goal else ""
    print(f"| {what} | {middle:,.0f} | {low:,.0f} to {high:,.0f} | {p95:,.0f} | {limit} | {len(times)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=7, help="fresh browsers for each view (7)")
    parser.add_argument("--clicks", type=int, default=30, help="clicks, keys, moves of a slider (30)")
    parser.add_argument("--views", nargs="+", choices=list(VIEWS), default=None, help="only these (all)")
    parser.add_argument("--no-tiny", action="store_true", help="without hatnet_tiny at 224 x 224")
    args = parser.parse_args()
    views = [view for view in VIEWS if view in (args.views or VIEWS)]
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        if not args.no_tiny:
            tiny(folder)
        start = time.perf_counter()
        with running_app(folder=folder) as url:
            print(f"server answers after {time.perf_counter() - start:.1f} s; ", end="")
            print(f"first picture for the first visitor, who waits for PyTorch: {ready(browser, url, views[0]) / 1000:.1f} s\n")
            print("| ms | median | quartiles | 95 % | goal | n |\n| --- | --- | --- | --- | --- | --- |")
            for view in views:
                ready(browser, url, view)  # warms the caches: the goals are for a server that is up
                line(f"{view}: first picture", [ready(browser, url, view) for _ in range(args.visits)], "picture")
            measure(browser, url, views, args, "", "compact")
            if not args.no_tiny:
                if query := chosen(browser, url, views[-1]):
                    measure(browser, url, views, args, query, "tiny")
                else:
                    print("\nhatnet_tiny is left out: this app does not offer runs/*/best.safetensors of the folder it was started in.")


def measure(browser, url: str, views: list[str], args: argparse.Namespace, query: str, size: str) -> None:
    """Clicks, keys, hovers and sliders with one checkpoint."""
    for view in views:
        if view == "start" or (view == "why" and size == "tiny"):
            continue
        page = opened(browser, url, view, query)
        try:
            if view in PICKER and size == "compact":
                line(f"{view}: click to {'the answer' if view == 'explorer' else 'new maps'}", clicks(page, view, args.clicks), "click")
            if view == "explorer":
                line(f"{view}: key to new maps, {size}", keys(page, args.clicks), "click")
                line(f"{view}: hover, work of the browser, {size}", hovers(page, args.clicks), "hover")
            if view != "why":  # there a change of grids starts work of seconds, which shows its progress
                line(f"{view}: G1 or G2 changed, {size}", slides(page, view, args.clicks), size)
        finally:
            page.context.close()


if __name__ == "__main__":
    main()
