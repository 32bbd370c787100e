"""Does the advice cure? ``python -m tests.lab.cure [CASE...] [--jobs N] [--out FILE]``.

A failing case's bad side is run and its server capture given to ``sipdiag``: alone, and where that
yields no advice, compared with the case's good capture. All of the first recommendation is
carried out (``remedy.py``), and the same script is run again: everything comes at the same time
after the phone's first registration as before, so that each call falls where it failed.

Contract: ``cure`` does this for one bad side that has been played and returns an ``Outcome``; a
LabError says what of the advice could not be followed. The command prints a line a case, and
writes the table when all cases were asked for. Exit code 0 when each went as ``NOT_CURED`` says.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import prepare, record
from .asterisk import Files
from .cases import RELEASES, Case, CaseError, Event, Side, load_all
from .judge import PLACED, Verdict, judge
from .measure import measure
from .net import LabError, halt
from .play import Played, play, workplace
from .remedy import DEVICES, Row, mend, tend

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = ROOT / "captures"
TABLE = ROOT / "docs" / "cures.md"
JOBS = 24
ACTS = (*PLACED, "power-off", "restart-router", "unregister")

NOT_CURED = {
    "nat-mapping-changed": (
        "a router that has forgotten its table lets nothing in until the phone sends something, "
        "and Asterisk learns the new port from the phone's next registration. Registering more "
        "often shortens the gap; no setting of Asterisk's closes it."
    ),
}
"""By the finding's name, why its first remedy does not make every call of the script good."""


@dataclass(frozen=True)
class Advice:
    """What ``sipdiag`` said. ``compared``: the good capture was needed; ``lifetime``: the
    interval in which it puts the NAT's, in seconds."""

    finding: str
    rows: tuple[Row, ...]
    compared: bool
    lifetime: tuple[float | None, float | None]


@dataclass(frozen=True)
class Outcome:
    """What came of one case; ``changes`` is what was done, as text."""

    case: Case
    advice: Advice
    changes: tuple[str, ...]
    before: tuple[Verdict, ...]
    after: tuple[Verdict, ...]

    @property
    def failed(self) -> bool:
        """Calls failed before; or none could be placed, as the phone never registered."""
        return not self.before or not all(call.good for call in self.before)

    @property
    def cured(self) -> bool:
        """Every call of the script is good."""
        return all(call.good for call in self.after)


def failing() -> list[Case]:
    """The cases that have something to cure."""
    return [case for case in load_all() if case.sides[-1].name == "bad"]


def advise(bad: Path, good: Path) -> Advice:
    """Ask ``sipdiag`` as a user would, through its command line."""
    report = _report("analyse", str(bad))
    compared = not report["recommendations"]
    if compared:
        report = _report("compare", str(good), str(bad))
    first = [row for row in report["recommendations"] if row["rank"] == 1]
    if not first:
        raise LabError(f"no advice on {bad}")
    (found, *_) = report["estimates"]["nat_lifetime"] or [{"lower_s": None, "upper_s": None}]
    lifetime = (found["lower_s"], found["upper_s"])
    return Advice(str(report["verdict"]["finding"]), tuple(first), compared, lifetime)


def again(bad: Played) -> Side:
    """The script by the clock: what came after the first registration, or after the start where
    there was none, comes at the same time again, whatever the phone sends meanwhile. Where
    nothing was called, as the phone never registered, one call is placed at the end."""
    by_clock = not any(event.do == "wait-first-registered" for event in bad.side.events)
    events: list[Event] = []
    for event, at in zip(bad.side.events, bad.when[:-1], strict=True):
        if not by_clock:
            events.append(event)
        elif event.do in ACTS:
            events += [Event("wait-until", seconds=at), replace(event, at_age_s=None)]
        by_clock |= event.do == "wait-first-registered"
    events.append(Event("wait-until", seconds=bad.when[-1]))
    if not any(event.do in PLACED for event in events):
        events.append(Event("call"))
    return replace(bad.side, name="cured", events=tuple(events))


def cure(case: Case, bad: Played, captures: Path, good: Path, work: Path) -> Outcome:
    """Take the first advice on a bad side, whose captures lie in ``captures``, and run it again;
    ``work`` keeps the run."""
    advice = advise(captures / "bad.pcap", good)
    side = again(bad)
    done: list[str] = []
    for row in advice.rows:
        if row["where"] in DEVICES:
            side = tend(side, row)
            done.append(f"{row['where']}: {row['option']} {row['value']}")

    def ask(row: Row) -> str:
        # The administrator reads the password from the phone's own settings.
        if row["option"] in ("secret", "password"):
            return side.phone.password
        raise LabError(f"the advice leaves {row['option']} to the administrator: {row['value']}")

    def follow(files: Files) -> Files:
        mended, changes = mend(files, advice.rows, ask)
        done.extend(str(change) for change in changes if change.before != change.after)
        return mended

    cured = play(case, side, prepare.lab_dir(), work, follow)
    return Outcome(
        case,
        advice,
        tuple(done),
        tuple(judge(case, bad, captures)),
        tuple(judge(case, cured, work)),
    )


def longest_first(cases: Sequence[Case]) -> list[Case]:
    """In the order in which they are best begun, by their committed captures; a case without one
    comes first."""

    def length_s(case: Case) -> float:
        found = CAPTURES / case.name / f"{case.sides[-1].name}.pcap"
        return measure(found, case.port).length_s if found.exists() else float("inf")

    return sorted(cases, key=length_s, reverse=True)


def table(outcomes: Sequence[Outcome | tuple[Case, str]]) -> str:
    """The page: how it is made, and a row a case."""
    lines = [*_HEAD, "", *_provenance(), "", _summary(outcomes), "", *_COLUMNS]
    lines += [
        _row(one) if isinstance(one, Outcome) else _cells(one[0], "", "", one[1], "", "", "", "no")
        for one in outcomes
    ]
    names = {one.advice.finding for one in outcomes if isinstance(one, Outcome) and not one.cured}
    why = [f"- `{name}`: {NOT_CURED[name]}" for name in sorted(names) if name in NOT_CURED]
    if why:
        lines += ["", "## Not cured", "", *why]
    return "\n".join(lines) + "\n"


_HEAD = """\
# Does the advice cure?

Made by `python -m tests.lab.cure` in [the lab](../tests/lab/README.md): real Asterisk, real phones,
the Linux kernel's NAT. For each failing case its bad side is run and the server's capture given to
`sipdiag`: alone, or where that yields no advice (marked *compared*) with the case's good capture.
All of the first recommendation is then carried out by a script that reads nothing but `where`,
`file`, `section`, `option` and `value` of the report, and the same script of calls is run again at
the same seconds after the phone's first registration. The router, the phone and all else stay as
they are, unless the advice is about them: then the ALG is off in the second run, or the phone that
lost its power keeps it. Where the advice leaves a password to the administrator, it is the phone's.

*Failing*: calls not answered within 2 s, or whose audio did not go both ways for half of the call;
what the phone hears is counted on its own host, behind the routers. Where no call was placed, as
the phone never registered, one is placed in the second run.""".splitlines()
_COLUMNS = (
    "| case | Asterisk | verdict | lifetime found (set) | what was changed "
    "| failing before | after | audio after | cured |",
    "| --- | --- | --- | --- | --- | ---: | ---: | --- | --- |",
)


def _row(one: Outcome) -> str:
    verdict = one.advice.finding + (" (compared)" if one.advice.compared else "")
    lifetime = ""
    lower, upper = one.advice.lifetime
    if one.advice.finding == "nat-binding-expired" and lower is not None and upper is not None:
        lifetime = f"{lower:.1f} to {upper:.1f} s ({one.case.sides[-1].router.lifetime_s} s)"
    before = _failing(one.before) if one.before else "all"
    spoken = [call for call in one.after if call.answered]
    both = sum(call.audible for call in spoken)
    audio = "both ways" if spoken and both == len(spoken) else f"both ways in {both}"
    cured = "nothing failed" if one.cured and not one.failed else "yes" if one.cured else "no"
    changes = "<br>".join(one.changes)
    after = _failing(one.after)
    return _cells(one.case, verdict, lifetime, changes, before, after, audio, cured)


def _cells(case: Case, *cells: str) -> str:
    return f"| {' | '.join((case.name, f'{case.channel} {case.release}', *cells))} |"


def _summary(outcomes: Sequence[Outcome | tuple[Case, str]]) -> str:
    played = [one for one in outcomes if isinstance(one, Outcome)]
    failed = [one for one in played if one.failed]
    cured = sum(one.cured for one in failed)
    untouched = [one for one in played if not one.failed]
    text = f"Of {len(outcomes) - len(untouched)} cases with failing calls {cured} were cured."
    if untouched:
        harmed = sum(not one.cured for one in untouched)
        text += (
            f" In {len(untouched)} no call fails (a SIP ALG whose rewriting Asterisk copes with): "
            f"the advice broke {harmed or 'none'} of them."
        )
    return text


def _failing(calls: Sequence[Verdict]) -> str:
    return f"{sum(not call.good for call in calls)} of {len(calls)}"


def _provenance() -> list[str]:
    phones = [
        record.phone_text("baresip", prepare.version_of_phone("baresip", "")),
        "Asterisk as a client",
    ]
    servers = [prepare.version_of_asterisk(suite) for suite in RELEASES.values()]
    kernel = f"Linux {platform.release().partition('-')[0]}"
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    version = subprocess.run(
        [sys.executable, "-m", "sipdiag", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return [
        f"{date}; {version}; {', '.join(servers)}; {', '.join(phones)}; {kernel}.",
    ]


def _report(*words: str) -> Any:
    argv = [sys.executable, "-m", "sipdiag", *words, "--json", "--fail-on", "never"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"sipdiag {words[0]}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def _one(case: Case) -> Outcome:
    with workplace(case) as work:
        bad = play(case, case.sides[-1], prepare.lab_dir(), work)
        if bad.complaints:
            raise LabError(f"the bad side: {'; '.join(bad.complaints)}; kept in {work}")
        return cure(case, bad, work, CAPTURES / case.name / "good.pcap", work)


def main(argv: list[str] | None = None) -> int:
    """Run the named cases, or all of them with the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.cure", description="cures")
    parser.add_argument("case", nargs="*", help="names of failing cases; all where none is given")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"at a time (default: {JOBS})")
    parser.add_argument("--out", type=Path, help="the table (default: docs/cures.md if all ran)")
    options = parser.parse_args(argv)
    if lacking := prepare.missing():
        print("\n".join(lacking), file=sys.stderr)
        return 4
    try:
        known = {case.name: case for case in failing()}
        if unknown := sorted(set(options.case) - known.keys()):
            raise CaseError(f"no such failing case: {', '.join(unknown)}")
    except CaseError as error:
        print(error, file=sys.stderr)
        return 2
    cases = [known[name] for name in options.case or known]
    outcomes = _all(cases, options.jobs)
    target = options.out or (None if options.case else TABLE)
    if target is not None:
        target.write_text(table(outcomes), encoding="utf-8")
    return 0 if all(as_stated(one) for one in outcomes) else 1


def as_stated(one: Outcome | tuple[Case, str]) -> bool:
    """Whether a case was cured, or was not to be."""
    return isinstance(one, Outcome) and (one.cured or one.advice.finding in NOT_CURED)


def _all(cases: Sequence[Case], jobs: int) -> list[Outcome | tuple[Case, str]]:
    found: dict[str, Outcome | tuple[Case, str]] = {}
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(_one, case): case for case in longest_first(cases)}
        for future in as_completed(futures):
            case = futures[future]
            try:
                outcome = found[case.name] = future.result()
                print(_row(outcome), flush=True)
            except LabError as error:
                found[case.name] = (case, str(error))
                print(f"{case.name}: {error}", flush=True)
    except BaseException:
        halt()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return [found[case.name] for case in cases]


if __name__ == "__main__":
    sys.exit(main())
