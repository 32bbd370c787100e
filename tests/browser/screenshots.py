"""The pictures in the documentation: ``python -m tests.browser.screenshots`` makes them anew.

Each is a part of the page on a NAT that forgets after 30 s, or on a router that rewrites SIP, in
few colours, so that it stays small.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from sipdiag.pipeline import analyse_illustrated, compare_illustrated
from sipdiag.report.draw import timeline
from sipdiag.report.html import render
from tests.browser.chromium import chromium, lacking

ROOT = Path(__file__).parents[2]
CASE, ALG = (ROOT / "captures" / name for name in ("sip-binding-30s", "sip-alg"))
IMAGES = ROOT / "docs" / "images"
_COLOURS = 128


class Shot(NamedTuple):
    """``top``: the element that the picture begins with; empty = the beginning of the page.
    ``click``: what is clicked before. ``alg``: of the page on a router that rewrites."""

    name: str
    width: int
    height: int
    scheme: str
    top: str = ""
    click: str = ""
    alg: bool = False


SHOTS = (
    Shot("report-desktop-light.png", 1200, 1000, "light"),
    Shot("report-desktop-dark.png", 1200, 1000, "dark"),
    Shot("report-phone-light.png", 390, 844, "light", "#binding"),
    Shot("report-phone-dark.png", 390, 844, "dark", "#binding"),
    Shot("report-ladders.png", 1200, 620, "light", "details.differs"),
    Shot("report-message.png", 1200, 620, "light", "#steps", "a.sd-link", alg=True),
    Shot("report-settings.png", 1200, 620, "light", "#settings"),
)


def main() -> int:
    """Makes every picture; 1 where a browser lacks."""
    missing = lacking()
    if missing:
        print(missing, file=sys.stderr)
        return 1
    told = compare_illustrated(CASE / "good.pcap", CASE / "bad.pcap")
    both = analyse_illustrated(ALG / "bad.pcap", ALG / "bad.inside.pcap")
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "timeline.svg").write_text(timeline(told.pictures.timelines[0]), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        files = [Path(folder) / "report.html", Path(folder) / "alg.html"]
        for file, made in zip(files, (told, both), strict=True):
            file.write_text(render(made.report, made.pictures), encoding="utf-8")
        for shot in SHOTS:
            scheme: Any = shot.scheme
            page = browser.new_page(
                viewport={"width": shot.width, "height": shot.height}, color_scheme=scheme
            )
            page.goto(files[shot.alg].as_uri())
            if shot.top:
                page.locator(shot.top).first.evaluate("e => e.scrollIntoView({behavior:'instant'})")
            if shot.click:
                page.locator(shot.click).first.click()
            (IMAGES / shot.name).write_bytes(_small(page.screenshot()))
            page.close()
    return 0


def _small(png: bytes) -> bytes:
    """The picture in few colours."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    out = io.BytesIO()
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
