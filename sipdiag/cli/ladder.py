"""``sipdiag ladder FILE``: the messages of a session."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from typing import Annotated

import typer

from sipdiag import pipeline
from sipdiag.cli.common import Keylog, Local, ReaderKind, Tz, UseReader, options_of, progress
from sipdiag.report import ladder

_MOST_PACKETS = 100_000


def command(
    file: Annotated[str, typer.Argument(help="A capture; - is standard input.")],
    call_id: Annotated[
        str | None, typer.Option("--call-id", help="Only sessions whose Call-ID has this in it.")
    ] = None,
    local: Local = None,
    reader: UseReader = ReaderKind.NATIVE,
    keylog: Keylog = None,
    tz: Tz = None,
) -> None:
    """Draw the messages of each session as a ladder."""
    options = options_of(local, None, reader, keylog, tz)
    with progress(False) as step:
        subjects = pipeline.read(
            file, replace(options, on_progress=step), keep_packets=_MOST_PACKETS
        )
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    packets = subjects.packets
    shown = 0
    for session in ladder.sessions(packets):
        if call_id is None or call_id in session[0].call_id:
            lines = ladder.render(session, packets[0].ts_ns, width)
            print("\n".join(["", *lines] if shown else lines))
            shown += 1
    if not shown:
        what = "no session with that Call-ID" if packets else "no SIP or IAX2 messages"
        print(f"sipdiag: {what}", file=sys.stderr)
    if len(packets) == _MOST_PACKETS:
        print(f"sipdiag: only the first {_MOST_PACKETS} messages are drawn", file=sys.stderr)
