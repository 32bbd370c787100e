"""Pictures of a terminal, ``docs/images/*.svg``: a command really run on one, 80 columns wide.

They refer to no font or file elsewhere, so that a page that shows them loads nothing from outside.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "images"
CAPTURES = ROOT / "captures" / "sip-binding-30s"

_COLUMNS = 80


class Picture(NamedTuple):
    """A command, and what is shown of what it prints: so many lines from the first that has
    ``start`` in it."""

    command: str
    start: str
    lines: int


_COMPARE = "sipdiag compare good.pcap bad.pcap"

PICTURES = {
    "compare-verdict": Picture(_COMPARE, "", 22),
    "compare-evidence": Picture(_COMPARE, "EVIDENCE", 13),
    "compare-settings": Picture(_COMPARE, "SETTINGS TO CHANGE", 11),
    "ladder": Picture("sipdiag ladder bad.pcap", "INVITE x7", 11),
}

_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def on_a_terminal(command: str) -> str:
    """What a command prints on a terminal, colours and all."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 50, _COLUMNS, 0, 0))
    bin_ = Path(sys.executable).parent
    environ = {
        **os.environ,
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "TERM": "xterm-256color",
        "COLUMNS": str(_COLUMNS),
    }
    environ.pop("NO_COLOR", None)
    with subprocess.Popen(
        command.split(),
        cwd=CAPTURES,
        stdin=far,
        stdout=far,
        stderr=far,
        env=environ,
        close_fds=True,
    ):
        os.close(far)
        said = bytearray()
        while data := _read(near):
            said += data
    os.close(near)
    return said.decode("utf-8", "replace").replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """b"" at its end, which Linux tells as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def draw(picture: Picture) -> str:
    """The picture as SVG."""
    said = on_a_terminal(picture.command).rstrip("\n").split("\n")
    first = next(number for number, line in enumerate(said) if picture.start in line)
    console = Console(
        record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False
    )
    for line in said[first : first + picture.lines]:
        console.print(Text.from_ansi(line), overflow="crop", no_wrap=True, soft_wrap=False)
    return console.export_svg(
        title=f"$ {picture.command}", code_format=_FORMAT, unique_id="terminal"
    )


def text_of(svg: str) -> str:
    """What a picture says, line by line."""
    lines: dict[float, str] = {}
    for part in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        height = float(part.get("y", "0"))
        lines[height] = lines.get(height, "") + (part.text or "")
    return "\n".join(line.replace("\xa0", " ") for line in lines.values())


def main() -> None:
    """Writes all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(picture))
