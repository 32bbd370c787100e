"""The lab's commands: ``python -m tests.lab prepare|list|run``.

Contract: exit code 0 when everything went as the cases say, 1 when a run did not, 2 for a wrong
command line or case file, 4 when the machine lacks something. Ctrl-C tears everything down.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import FrameType

from . import prepare, record
from .cases import Case, CaseError, load_all
from .net import LabError, halt
from .play import Played, play, workplace

CAPTURES = Path(__file__).resolve().parents[2] / "captures"


def main(argv: list[str] | None = None) -> int:
    """Run one command."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if options.command == "prepare":
            prepare.prepare()
            return 0
        cases = load_all(getattr(options, "case", None))
        if options.command == "list":
            for case in cases:
                print(f"{case.name:24} {case.title}")
            return 0
        return _run(cases, options.out, options.jobs)
    except CaseError as error:
        print(error, file=sys.stderr)
        return 2
    except LabError as error:
        print(error, file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("interrupted, all taken down", file=sys.stderr)
        return 1


def make(case: Case, out: Path) -> tuple[Played, ...]:
    """Run all sides of a case at once and write its record; LabError when a side did not go as
    planned."""
    with workplace(case) as work:
        with ThreadPoolExecutor(len(case.sides)) as pool:
            futures = [
                pool.submit(play, case, side, prepare.lab_dir(), work) for side in case.sides
            ]
            played = tuple(future.result() for future in futures)
        complaints = [f"{run.side.name}: {text}" for run in played for text in run.complaints]
        if complaints:
            raise LabError("; ".join([*complaints, f"kept in {work}"]))
        record.write(case, played, _made(case, played), work, out)
    return played


def _run(cases: list[Case], out: Path, jobs: int) -> int:
    lacking = prepare.missing()
    if lacking:
        raise LabError("\n".join([*lacking, "try: python -m tests.lab prepare"]))
    failed = False
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(make, case, out): case for case in cases}
        for future in as_completed(futures):
            name = futures[future].name
            said = "made"
            try:
                future.result()
            except LabError as error:
                said, failed = str(error), True
            print(f"{name}: {said}", flush=True)
    except BaseException:
        halt()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return 1 if failed else 0


def _made(case: Case, played: Sequence[Played]) -> record.Made:
    phone = played[0].side.phone.kind
    return record.Made(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        asterisk=prepare.version_of_asterisk(case.suite),
        phone=record.phone_text(phone, prepare.version_of_phone(phone, case.suite)),
        kernel=f"Linux {platform.release().partition('-')[0]}",
    )


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="the NAT lab")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="install packages and build the two Asterisk chroots")
    commands.add_parser("list", help="list the cases")
    run = commands.add_parser("run", help="make the captures of the named cases, or of all")
    run.add_argument("case", nargs="*", help="names from `list`")
    run.add_argument("--out", type=Path, default=CAPTURES, help="where to (default: captures)")
    run.add_argument("--jobs", type=int, default=6, help="cases at a time (default: 6)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
