"""A session drawn in plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.base.datagram import Origin
from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.scenario import Scenario
from sipdiag.flows.subjects import Packet
from sipdiag.inputs import read
from sipdiag.report import ladder

PHONE, PBX, PROXY = (Endpoint(f"203.0.113.{n}", 5060) for n in (7, 80, 90))


def _drawn(s: Scenario, tmp_path: Path, width: int = 80) -> list[list[str]]:
    packets = read(str(s.write(tmp_path / "x.pcap")), keep_packets=1000).packets
    return [ladder.render(session, packets[0].ts_ns, width) for session in ladder.sessions(packets)]


def _packet(label: str, src: Endpoint = PHONE, dst: Endpoint = PBX, frame: int = 1) -> Packet:
    return Packet(frame * 10**9, src, dst, label, "SIP", "call@host", Origin("x.pcap", frame))


def test_a_registration_and_a_call_are_two_ladders(tmp_path: Path) -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(10)
    s.call(phone, answered=False, retransmissions=6)
    registration, call = _drawn(s, tmp_path)
    assert [line.count("REGISTER") for line in registration[2:]] == [1, 0, 1, 0]
    assert registration[2].endswith("→│")
    assert "│←" in registration[3] and "401 Unauthorized" in registration[3]
    assert len(call) == 3
    assert "INVITE x7 in 31.5 s" in call[2]
    assert all(len(line) <= 80 for line in registration + call)


def test_an_iax2_exchange_is_one_ladder_whoever_speaks(tmp_path: Path) -> None:
    s = Scenario()
    box = s.iax_peer("branch", inner="192.168.1.50", outer="203.0.113.7")
    s.register(box, calltoken=False)
    (drawn,) = _drawn(s, tmp_path)
    text = "\n".join(drawn)
    assert "REGREQ" in text and "REGAUTH" in text and "REGACK" in text


def test_a_narrow_terminal_gets_arrows_before_the_messages(tmp_path: Path) -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    (drawn,) = _drawn(s, tmp_path, width=40)
    assert drawn[1:3] == ["203.0.113.7:5060 →", "  ← 203.0.113.80:5060"]
    assert drawn[3].endswith("→ REGISTER")
    assert drawn[4].endswith("  ← 401 Unauthorized")
    assert all(len(line) <= 40 for line in drawn)


def test_three_ends_are_a_list() -> None:
    session = [_packet("INVITE"), _packet("INVITE", PBX, PROXY, 2)]
    lines = ladder.render(session, 0, 80)
    assert lines[2].split() == ["2", "2.000", "203.0.113.80:5060", "→", "203.0.113.90:5060",
                                "INVITE"]  # fmt: skip


@pytest.mark.parametrize("width", [40, 60, 80, 132])
@pytest.mark.parametrize(
    "label", ["OPTIONS", "x" * 500, "漢字" * 60, "e\u0301" * 90, "\x1b[2J" * 30]
)
@pytest.mark.parametrize("dst", [PBX, PROXY])
def test_no_line_is_wider_than_the_terminal(width: int, label: str, dst: Endpoint) -> None:
    session = [_packet("INVITE"), _packet(label, PBX, dst, 2), _packet(label, PBX, dst, 3)]
    lines = ladder.render(session, 0, width)
    assert max(map(ladder.cells, lines)) <= width
    assert not any("\x1b" in line for line in lines)
    assert "x2 in 1.0 s" in lines[-1]
    if len(label) > 400:
        assert "..." in lines[-1]


def test_ipv6_ends_that_dont_fit_a_line_take_two() -> None:
    one, other = (Endpoint(f"2001:db8:1234:5678:9abc:def0:1234:{n:x}", 5060) for n in (1, 2))
    lines = ladder.render([_packet("INVITE", one, other)], 0, 80)
    assert str(one) in lines[1] and lines[2].endswith(str(other))


def test_ascii_strokes_are_ascii() -> None:
    lines = ladder.render(
        [_packet("INVITE"), _packet("200 OK", PBX, PHONE, 2)], 0, 80, ladder.ASCII
    )
    assert all(line.isascii() for line in lines)
    assert lines[2].endswith("->|") and "|<-" in lines[3]
