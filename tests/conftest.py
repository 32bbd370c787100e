"""What tests share. Hypothesis tries the same examples each time, on a slow machine too.

New examples are the fuzzers' business (``make fuzz``).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "same-each-time",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same-each-time")


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    """A pipe: the end to be read, and the one to be written to."""
    inlet, outlet = multiprocessing.Pipe(duplex=False)
    yield inlet, outlet
    inlet.close()
    outlet.close()
