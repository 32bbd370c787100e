"""Keepalives are counted by kind and direction, under a cap."""

from __future__ import annotations

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.flows.keepalive import KeepaliveBook, keepalive_kind

HERE, THERE = Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5060)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"\r\n", "CRLF"),
        (b"\r\n\r\n", "CRLF"),
        (b"\0", "NUL"),
        (bytes(4), "NUL"),
        (b"jaK", "other"),
        (b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12), "STUN"),
        (b"", None),
        (b"hello", None),
        (bytes(5), None),
    ],
)
def test_kinds(payload: bytes, kind: str | None) -> None:
    assert keepalive_kind(payload) == kind


def test_each_way_is_a_train() -> None:
    book = KeepaliveBook(Limits(), LimitHits())
    book.take(b"\r\n", 1, HERE, THERE)
    book.take(b"\r\n", 2, THERE, HERE)
    book.take(b"\r\n", 3, HERE, THERE)
    book.take(b"\0", 4, HERE, THERE)
    assert [(t.kind, t.src, t.count) for t in book.trains()] == [
        ("CRLF", HERE, 2),
        ("CRLF", THERE, 1),
        ("NUL", HERE, 1),
    ]
    assert list(book.trains()[0].times_ns) == [1, 3]


def test_a_flood_is_counted_and_not_kept() -> None:
    hits = LimitHits()
    book = KeepaliveBook(Limits(peers=2, requests_held=5), hits)
    for number in range(100):
        book.take(b"\r\n", number, Endpoint("192.0.2.1", number), THERE)
    assert len(book.trains()) == 4
    assert hits.names() == ["peers"]
    for number in range(100):
        book.take(b"\r\n", number, Endpoint("192.0.2.1", 0), THERE)
    assert book.trains()[0].count == 101
    assert sum(len(t.times_ns) for t in book.trains()) == 5
