"""A session drawn in plain text."""

from __future__ import annotations

from pathlib import Path

from sipdiag.crafting.scenario import Scenario
from sipdiag.pipeline import read
from sipdiag.report import ladder


def _drawn(s: Scenario, tmp_path: Path, width: int = 80) -> list[list[str]]:
    packets = read(str(s.write(tmp_path / "x.pcap")), keep_packets=1000).packets
    return [ladder.render(session, packets[0].ts_ns, width) for session in ladder.sessions(packets)]


def test_a_registration_and_a_call_are_two_ladders(tmp_path: Path) -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(10)
    s.call(phone, answered=False, retransmissions=6)
    registration, call = _drawn(s, tmp_path)
    assert [line.count("REGISTER") for line in registration[2:]] == [1, 0, 1, 0]
    assert registration[2].rstrip().endswith(">|")
    assert "<" in registration[3] and "401 Unauthorized" in registration[3]
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


def test_a_narrow_terminal_gets_a_list(tmp_path: Path) -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    (drawn,) = _drawn(s, tmp_path, width=40)
    assert "203.0.113.7:5060 > 203.0.113.80:5060" in drawn[1]
