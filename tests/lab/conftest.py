"""The lab's runs of one test session: all that the selected tests ask for, side by side.

Contract: ``runs`` begins them at the first test that needs one and ends what is left with the
session; each test waits for its own case and judges that. A case's first remedy is tried as soon
as its bad side has been run, if a test asks for that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from . import prepare
from .__main__ import make
from .cases import Case
from .cure import JOBS, Outcome, cure, longest_first
from .net import LabError, halt
from .play import Played, workplace


class Runs:
    """What has been run, or will have been; ``out`` has a directory for each case."""

    def __init__(self, cases: Sequence[Case], to_cure: Collection[str], out: Path) -> None:
        self.out = out
        self._made: dict[str, Future[tuple[Played, ...]]] = {c.name: Future() for c in cases}
        self._cured: dict[str, Future[Outcome]] = {name: Future() for name in to_cure}
        self._pool = ThreadPoolExecutor(JOBS)
        # Those with something to cure take twice their time.
        first = [case for case in longest_first(cases) if case.name in to_cure]
        rest = [case for case in longest_first(cases) if case.name not in to_cure]
        for case in (*first, *rest):
            self._pool.submit(self._run, case)

    def made(self, case: Case) -> Path:
        """Where the fresh captures of a case are; a LabError if it did not go as it must."""
        self._made[case.name].result()
        return self.out / case.name

    def cured(self, case: Case) -> Outcome:
        """What came of the first remedy."""
        return self._cured[case.name].result()

    def close(self) -> None:
        """End what still runs."""
        halt()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, case: Case) -> None:
        made, cured = self._made[case.name], self._cured.get(case.name)
        try:
            played = make(case, self.out)
            made.set_result(played)
        except Exception as error:
            made.set_exception(error)
            if cured is not None:
                cured.set_exception(LabError("the bad side did not go as it must"))
            return
        if cured is None:
            return
        captures = self.out / case.name
        try:
            with workplace(case) as work:
                good = captures / "good.pcap"
                cured.set_result(cure(case, played[-1], captures, good, work))
        except Exception as error:
            cured.set_exception(error)


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """The runs of this session."""
    if lacking := prepare.missing():
        pytest.skip("; ".join(lacking))
    cases: dict[str, Case] = {}
    to_cure: set[str] = set()
    for item in request.session.items:
        if not isinstance(item, pytest.Function) or "runs" not in item.fixturenames:
            continue
        callspec = getattr(item, "callspec", None)
        case = callspec.params.get("case") if callspec else None
        if isinstance(case, Case) and not lacking_build(case):
            cases[case.name] = case
            if "cures" in item.fixturenames:
                to_cure.add(case.name)
    made = Runs(list(cases.values()), to_cure, tmp_path_factory.mktemp("lab"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def cures(runs: Runs) -> Runs:
    """The same; a test that takes this one has the first remedy tried."""
    return runs


def lacking_build(case: Case) -> str:
    """Which chroot of ``patched.py`` a case needs and hasn't got, with how to make it."""
    for side in case.sides:
        if not (chroot := prepare.lab_dir() / side.server.suite(case.suite)).exists():
            return f"no {chroot.name}: python -m tests.lab.{side.server.build}"
    return ""
