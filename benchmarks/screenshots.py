"""Take the README's pictures of the running app: `make screenshots`.

Writes docs/explorer.png and docs/start.png (1440 x 900, light), which the README shows, and docs/screenshots/: dark, a small laptop, a
phone, a stop of the tour.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.browser import serve

DOCS = Path(__file__).resolve().parents[1] / "docs"
PHONE = dict(width=390, height=844, device_scale_factor=2, has_touch=True, is_mobile=True)
PICTURES = {
    "explorer.png": dict(path="/explorer", width=1440, height=900),
    "start.png": dict(path="/?step=6", width=1440, height=900),
    "screenshots/explorer-dark.png": dict(path="/explorer", width=1440, height=900, dark=True),
    "screenshots/explorer-1024.png": dict(path="/explorer", width=1024, height=768),
    "screenshots/explorer-phone.png": dict(path="/explorer", **PHONE),
    "screenshots/start-phone.png": dict(path="/?step=6", **PHONE),
    "screenshots/tour-dark.png": dict(path="/?tour=6", width=1440, height=900, dark=True),
}


def main() -> None:
    with serve.running_app() as url, serve.chromium() as browser:
        for name, options in PICTURES.items():
            target = DOCS / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with serve.opened(browser, url, **options) as page:
                drawn = serve.start_drawn if "step=" in options["path"] else serve.explorer_drawn
                drawn(page)
                # Streamlit fades new elements in.
                page.evaluate("Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => {})))")
                page.screenshot(path=target)
            print(f"{target} ({target.stat().st_size / 1e3:.0f} kB)")


if __name__ == "__main__":
    main()
