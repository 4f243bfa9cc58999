"""Take the pictures of the README from the demo's own reports: `python docs/pictures.py`.

Needs `make demo` and Chromium; nothing is drawn by hand.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = {
    "report.png": ("reports/harbour/2025-07-01/30_engagement_survival.html", 2060),
    "index.png": ("reports/index.html", 1240),
}
"""File of the picture: the page it shows from its top, and the height in pixels."""
WIDTH = 900


def main() -> int:
    """Write both pictures, or say what is missing."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        print("no chromium here: install it, then do this again", file=sys.stderr)
        return 1
    folder = ROOT / "docs" / "images"
    folder.mkdir(exist_ok=True)
    for name, (page, height) in PICTURES.items():
        if not (ROOT / page).is_file():
            print(f"no {page}: make demo first", file=sys.stderr)
            return 1
        take(browser, ROOT / page, folder / name, height)
        print(folder / name)
    return 0


def take(browser: str, page: Path, picture: Path, height: int) -> None:
    """Show a page in the browser and keep what is seen, in few colours: pages are flat."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-background-networking", "--no-first-run", f"--user-data-dir={profile}",
             f"--window-size={WIDTH},{height}", f"--screenshot={picture}", page.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    with Image.open(picture) as image:
        image.convert("RGB").quantize(160).save(picture, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
