"""Take the README's pictures of the running app: `make screenshots`.

Writes docs/screenshots/: every view at 1440 x 900 in light colours, the Explorer in dark ones and on a phone.
"""

import io
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.chromium import chromium
from tools.running_app import drawn, opened, path_of, running_app

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
LAPTOP, PHONE = dict(width=1440, height=900), dict(width=390, height=844, has_touch=True, is_mobile=True)
TIMEOUT_MS = 180_000  # a busy machine must not end it
ORDER = ("start", "explorer", "equations", "grids", "compare", "cost", "why", "paper")
QUERY = {"start": "?step=6", "equations": "?equation=13", "grids": "?g1=16,7,7"}


def pictures() -> dict[str, tuple[str, dict]]:
    """Name -> view, and how it is looked at."""
    return {view: (view, LAPTOP) for view in ORDER} | {
        "explorer-dark": ("explorer", LAPTOP | {"dark": True}),
        "explorer-phone": ("explorer", PHONE),
    }


def small(shot: bytes) -> Image.Image:
    """In 52 levels of each colour instead of 256: two thirds of the bytes, and on a page nobody sees the difference."""
    return Image.open(io.BytesIO(shot)).convert("RGB").point([5 * round(value / 5) for value in range(256)] * 3)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running_app() as url, chromium() as browser:
        for name, (view, options) in pictures().items():
            target = FOLDER / f"{name}.png"
            path = path_of(view) + QUERY.get(view, "")
            with opened(browser, url, path=path, settled=False, timeout_ms=TIMEOUT_MS, **options) as page:
                drawn(page, view)
                page.wait_for_timeout(500)
                # Streamlit fades new elements in.
                page.evaluate("Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => {})))")
                small(page.screenshot()).save(target, optimize=True)
            print(f"{target} ({target.stat().st_size / 1e3:.0f} kB)", flush=True)


if __name__ == "__main__":
    main()
