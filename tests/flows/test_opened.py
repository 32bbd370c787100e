"""What may still go on: found while it may, forgotten when it is long over."""

from __future__ import annotations

from dataclasses import dataclass

from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.crafting.scenario import Scenario
from sipdiag.flows.opened import SETTLED_NS, OpenDialogs
from tests.flows.test_floods import datagram, fed, sip


@dataclass
class Dialog:
    over_ns: int | None = None


def dialogs(cap: int = 10) -> tuple[OpenDialogs[str, Dialog], LimitHits]:
    hits = LimitHits()
    return OpenDialogs(Limits(open_calls=cap), hits, lambda dialog: dialog.over_ns), hits


def test_what_is_over_is_found_for_a_while() -> None:
    opened, _ = dialogs()
    dialog = Dialog()
    opened.add("a", dialog)
    assert opened.get("a", 10_000 * NS) is dialog
    dialog.over_ns = 5 * NS
    assert opened.get("a", 5 * NS + SETTLED_NS) is dialog
    assert opened.get("a", 6 * NS + SETTLED_NS) is None


def test_whether_it_is_found_is_no_matter_of_others() -> None:
    alone, _ = dialogs()
    beside, _ = dialogs()
    for opened in (alone, beside):
        opened.add("a", Dialog(over_ns=NS))
        opened.end("a", Dialog(), NS)
    beside.end("b", Dialog(), NS + SETTLED_NS + 2 * NS)
    late = SETTLED_NS
    assert alone.get("a", late) is not None and beside.get("a", late) is not None


def test_what_is_over_does_not_count_for_the_cap() -> None:
    opened, hits = dialogs(cap=100)
    for minute in range(1000):
        dialog = Dialog(over_ns=minute * 60 * NS)
        opened.add(str(minute), dialog)
        opened.end(str(minute), dialog, minute * 60 * NS)
    assert not hits.counts


def test_what_goes_on_again_is_kept() -> None:
    opened, _ = dialogs()
    again = Dialog(over_ns=NS)
    opened.add("a", again)
    opened.end("a", again, NS)
    again.over_ns = None
    opened.end("b", Dialog(), 1000 * NS)
    assert opened.get("a", 1000 * NS) is again


def test_calls_and_pings_one_after_the_other_reach_no_cap() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="198.51.100.7:5060")
    box = s.iax_peer("box", inner="192.168.1.60", outer="198.51.100.8:4569")
    for minute in range(40):
        s.at(minute * 60)
        s.call(phone, talk_s=1, media="none")
        s.poke(box)
        s.call(box, talk_s=1, media="none")
    subjects, hits = fed(s.datagrams(), Limits(open_calls=12))
    assert len(subjects.calls) == 80
    assert not hits.counts


def test_a_call_id_that_is_used_again_after_minutes_is_another_call() -> None:
    ok = b"SIP/2.0 486 Busy Here\r\n" + sip("INVITE", 1).split(b"\r\n", 1)[1]
    subjects, _ = fed(
        [
            datagram(sip("INVITE", 1), 0),
            datagram(ok, 100),
            datagram(sip("INVITE", 2), 60_000),
            datagram(sip("INVITE", 3), 180_000),
        ],
        Limits(),
    )
    assert [len(call.transactions) for call in subjects.calls] == [2, 1]
