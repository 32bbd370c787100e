"""Caps that were hit are counted and named."""

from __future__ import annotations

from sipdiag.base.limits import LimitHits


def test_hits_are_counted_by_name() -> None:
    hits = LimitHits()
    hits.hit("peers")
    hits.hit("open_calls")
    hits.hit("peers")
    assert hits.names() == ["open_calls", "peers"]
    assert hits.counts["peers"] == 2
