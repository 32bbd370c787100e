"""Caps of processes that read a source together."""

from __future__ import annotations

import pytest

from sipdiag.base.limits import DEFAULT_LIMITS
from sipdiag.base.shares import SHARED_CAPS, Indivisible, StrictHits, limits_of_share


def test_each_share_has_its_part_of_the_caps_that_all_have_together() -> None:
    limits = limits_of_share(DEFAULT_LIMITS, 4)
    for name in SHARED_CAPS:
        assert getattr(limits, name) * 4 == getattr(DEFAULT_LIMITS, name)
    assert limits.requests_held == DEFAULT_LIMITS.requests_held


@pytest.mark.parametrize("name", SHARED_CAPS)
def test_a_share_that_reaches_such_a_cap_can_not_answer_for_the_whole(name: str) -> None:
    with pytest.raises(Indivisible, match=name):
        StrictHits().hit(name)


def test_caps_of_one_client_are_counted_as_ever() -> None:
    hits = StrictHits()
    hits.hit("media_segments")
    assert hits.names() == ["media_segments"]
