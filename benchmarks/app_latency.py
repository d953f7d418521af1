"""How fast the Explorer is on this machine: `python benchmarks/app_latency.py`.

Seconds from opening the page to the photograph and both maps on it, for the first visitor (who waits for PyTorch) and for the
second; then clicks on tokens, each timed in the browser from mouse down to the frame in which both maps have changed.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.browser import serve

# Resolves with milliseconds from the next mouse down to the frame in which the cells of both maps differ.
TIMER = """() => {
  const cells = () => ["local", "global"].map((name) =>
    JSON.stringify(document.querySelector(`.st-key-map_${name} .js-plotly-plot`)?.data?.[0].z));
  const before = cells();
  window.answer = new Promise((resolve) => addEventListener("mousedown", () => {
    const start = performance.now();
    const changed = () => cells().every((now, i) => now && now !== before[i]);
    const look = () => changed() ? resolve(performance.now() - start) : requestAnimationFrame(look);
    look();
  }, { capture: true, once: true }));
}"""


def first_picture(browser, url: str) -> float:
    """Seconds from a fresh browser's request to photograph and maps."""
    start = time.perf_counter()
    with serve.opened(browser, url) as page:
        serve.explorer_drawn(page)
        return time.perf_counter() - start


def clicks(browser, url: str, count: int) -> list[float]:
    """Milliseconds of `count` clicks, each on another token."""
    with serve.opened(browser, url) as page:
        serve.explorer_drawn(page)
        box = page.locator(".st-key-picker .frame").bounding_box()
        times = []
        for click in range(count):
            page.evaluate(TIMER)
            y, x = (click * 5 + 1) % 16, (click * 7 + 2) % 16
            page.mouse.click(box["x"] + (x + 0.5) / 16 * box["width"], box["y"] + (y + 0.5) / 16 * box["height"])
            times.append(page.evaluate("window.answer"))
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=30)
    count = parser.parse_args().clicks
    with serve.chromium() as browser:
        start = time.perf_counter()
        with serve.running_app() as url:
            server = time.perf_counter() - start
            first, second = first_picture(browser, url), first_picture(browser, url)
            times = sorted(clicks(browser, url, count))
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    print("| what | value |\n| --- | --- |")
    print(f"| server answers after | {server:.1f} s |")
    print(f"| first picture, first visitor | {first:.1f} s |")
    print(f"| first picture, second visitor | {second:.1f} s |")
    print(f"| click to both maps, median of {count} | {statistics.median(times):.0f} ms |")
    print(f"| click to both maps, 95th percentile | {p95:.0f} ms |")


if __name__ == "__main__":
    main()
