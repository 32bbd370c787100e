"""Clients that want the same are told once; what cures another client is no alternative."""

from __future__ import annotations

from sipdiag.report.model import RecommendationInfo
from sipdiag.report.ways import ways


def wants(
    rank: int, section: str, option: str = "qualify", value: str = "yes"
) -> RecommendationInfo:
    return RecommendationInfo(
        rank, "chan_sip", "sip.conf", section, option, None, value, None, ["SD501"],
        "it refreshes the binding", "call it", "put it back",
    )  # fmt: skip


def in_the_phone(rank: int) -> RecommendationInfo:
    return RecommendationInfo(
        rank, "phone", None, None, "keepalive", None, "25", "s", ["SD501"], "f", "v", "u"
    )


def test_the_next_rank_is_an_alternative() -> None:
    first, second, third = ways([wants(1, "[101]"), wants(2, "[general]"), in_the_phone(3)])
    assert (first.other, second.other, third.other) == (False, True, True)
    assert first.blocks == [("in sip.conf", ("[101]", "qualify=yes"))]
    assert third.blocks == [("in the phone: keepalive: 25 s", ())]


def test_two_clients_that_want_the_same_are_told_once() -> None:
    found = ways([wants(1, "[101]"), in_the_phone(2), wants(3, "[102]"), in_the_phone(4)])
    assert [way.blocks[0][1] for way in found] == [
        ("[101]", "qualify=yes", "", "[102]", "qualify=yes"),
        (),
    ]


def test_what_another_client_wants_is_no_alternative() -> None:
    other = wants(2, "[102]", "nat", "force_rport")
    assert [way.other for way in ways([wants(1, "[101]"), other])] == [False, False]


def test_another_option_of_the_same_client_is_one() -> None:
    other = wants(2, "[101]", "nat", "force_rport")
    assert [way.other for way in ways([wants(1, "[101]"), other])] == [False, True]
