"""``sipdiag ladder FILE``: the messages of a session, in text or as SVG."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sipdiag.anonymise import Anonymiser
from sipdiag.base.errors import UsageError
from sipdiag.base.files import write_output
from sipdiag.base.interval import seconds
from sipdiag.cli.common import Keylog, Local, ReaderKind, Tz, UseReader, options_of, progress
from sipdiag.cli.outputs import Anonymise
from sipdiag.flows.subjects import Packet
from sipdiag.inputs import read
from sipdiag.report import ladder
from sipdiag.report.picture.model import Ladder, Lane, Rung
from sipdiag.report.safe import plain

_MOST_PACKETS = 100_000
_MOST_RUNGS = 160
_MOST_LANES = 6
"""Of a drawing: more can't be told apart."""
_SVG_WIDTH = 960


def command(
    file: Annotated[str, typer.Argument(help="A capture; - is standard input.")],
    call_id: Annotated[
        str | None, typer.Option("--call-id", help="Only sessions whose Call-ID has this in it.")
    ] = None,
    svg: Annotated[
        str | None,
        typer.Option("--svg", help="Draw it into a file instead.", metavar="FILE"),
    ] = None,
    ascii_: Annotated[
        bool, typer.Option("--ascii", help="Draw with ASCII characters only.")
    ] = False,
    anonymise: Anonymise = False,
    local: Local = None,
    reader: UseReader = ReaderKind.NATIVE,
    keylog: Keylog = None,
    tz: Tz = None,
) -> None:
    """Draw the messages of each session as a ladder."""
    options = options_of(local, None, reader, keylog, tz)
    if anonymise:
        if call_id is not None:
            raise UsageError("--anonymise gives every Call-ID another name: not with --call-id")
        options = replace(options, anonymise=Anonymiser(options.limits))
    with progress(False) as step:
        subjects = read(file, replace(options, on_progress=step), keep_packets=_MOST_PACKETS)
    packets = subjects.packets
    shown = [
        session
        for session in ladder.sessions(packets)
        if call_id is None or call_id in session[0].call_id
    ]
    if not shown:
        what = "no session with that Call-ID" if packets else "no SIP or IAX2 messages"
        _notice(what)
    elif svg is not None:
        _draw(shown, packets[0].ts_ns, subjects.source.name, svg)
    else:
        _print(shown, packets[0].ts_ns, ascii_)
    if len(packets) == _MOST_PACKETS:
        _notice(f"only the first {_MOST_PACKETS} messages are drawn")


def _notice(text: str) -> None:
    print(f"sipdiag: {plain(text)}", file=sys.stderr)


def _print(sessions: list[list[Packet]], zero_ns: int, only_ascii: bool) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    unicode = not only_ascii and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    strokes = ladder.UNICODE if unicode else ladder.ASCII
    for number, session in enumerate(sessions):
        lines = ladder.render(session, zero_ns, width, strokes)
        text = "\n".join(["", *lines] if number else lines)
        print(text if unicode else text.encode("ascii", "backslashreplace").decode())


def _draw(sessions: list[list[Packet]], zero_ns: int, source: str, target: str) -> None:
    """All of them on one ladder, in order of time."""
    from sipdiag.report.draw import ladder as draw

    picture = picture_of(sessions, zero_ns, source)
    write_output(Path(target), draw(picture, width=_SVG_WIDTH).encode("utf-8", "replace"))
    rest = f"; {picture.left_out} more aren't drawn (--call-id picks)" if picture.left_out else ""
    _notice(f"{len(picture.rungs)} messages written to {target}{rest}")


def picture_of(sessions: list[list[Packet]], zero_ns: int, source: str) -> Ladder:
    """The sessions as one picture: up to six ends, up to 160 messages."""
    runs = sorted(
        (run for session in sessions for run in ladder.folded(session)),
        key=lambda run: run.first.ts_ns,
    )
    lanes: dict[str, None] = {}
    rungs: list[Rung] = []
    left_out = 0
    for run in runs:
        ends = {str(run.first.src): None, str(run.first.dst): None}
        if len(rungs) >= _MOST_RUNGS or len(lanes | ends) > _MOST_LANES:
            left_out += run.times
            continue
        lanes |= ends
        where = f"{source.rpartition('/')[2]} frame {ladder.place(run.first)}"
        rungs.append(
            Rung(
                seconds(run.first.ts_ns - zero_ns),
                str(run.first.src),
                str(run.first.dst),
                run.first.label,
                where,
                run.times,
                seconds(run.last_ns - zero_ns),
            )
        )
    first = sessions[0][0]
    title = f"SIP {first.call_id}" if len(sessions) == 1 and first.call_id else source
    return Ladder(title, tuple(Lane(end) for end in lanes), tuple(rungs), left_out=left_out)
