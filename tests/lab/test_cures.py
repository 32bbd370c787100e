"""The loop closed: what ``sipdiag`` recommends first makes the calls that failed get through.

Contract: marked ``lab``, as ``test_lab.py`` is. Each failing case is run afresh, its first remedy
carried out by a script that knows only the report, and the same calls are placed again.
"""

from __future__ import annotations

import pytest

from .cases import Case
from .conftest import Runs, lacking_build
from .cure import NOT_CURED, failing

pytestmark = pytest.mark.lab

CASES = failing()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_first_remedy_cures(case: Case, cures: Runs) -> None:
    if lacking := lacking_build(case):
        pytest.skip(lacking)
    outcome = cures.cured(case)
    assert outcome.advice.finding in case.sides[-1].expected
    assert outcome.changes
    assert outcome.cured or outcome.advice.finding in NOT_CURED, outcome
