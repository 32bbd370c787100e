"""Scenarios: what each act puts on the wire, that a reader gets exactly that back from the
pcap, and that tshark decodes all of it."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from sipdiag.base.datagram import Datagram, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.crafting.scenario import START_NS, Scenario, SipPhone, Writes
from sipdiag.crafting.sip_dialogue import driver_of, repeats
from sipdiag.crafting.timeline import endpoint
from sipdiag.protocols import sip
from sipdiag.protocols.iax2 import FullFrame, looks_encrypted, parse
from sipdiag.readers import open_source

SERVER = Endpoint("203.0.113.80", 5060)
INNER, OUTER = Endpoint("192.168.1.50", 5060), Endpoint("203.0.113.7", 20005)
SOFTWARE = ["Asterisk PBX 16.28.0", "Asterisk PBX 22.5.1"]


def phone_of(scenario: Scenario, **more: object) -> SipPhone:
    return scenario.sip_phone("101", inner=INNER, outer=OUTER, **more)  # type: ignore[arg-type]


def told(datagrams: list[Datagram]) -> list[str]:
    """``> REGISTER`` to the PBX, ``< 401`` from it."""
    words = []
    for datagram in datagrams:
        arrow = ">" if datagram.dst and datagram.dst.ip == SERVER.ip else "<"
        message = sip.parse(datagram.payload)
        frame = parse(datagram.payload)
        if message is not None:
            words.append(f"{arrow} {message.method if message.is_request else message.status}")
        elif isinstance(frame, FullFrame):
            words.append(f"{arrow} {frame.subclass_name}")
    return words


def seconds(datagrams: list[Datagram]) -> list[float]:
    return [round((datagram.ts_ns - START_NS) / NS, 3) for datagram in datagrams]


def message(datagram: Datagram) -> sip.Message:
    parsed = sip.parse(datagram.payload)
    assert parsed is not None
    return parsed


def frames(scenario: Scenario) -> list[FullFrame]:
    parsed = [parse(datagram.payload) for datagram in scenario.datagrams()]
    return [frame for frame in parsed if isinstance(frame, FullFrame)]


def everything(software: str) -> Scenario:
    """Every act once."""
    s = Scenario(software=software)
    phone = phone_of(s)
    s.at(0)
    s.register(phone)
    s.at(5)
    s.options(phone)
    s.at(10)
    s.call(phone, talk_s=0.2)
    s.call(phone, refused=486)
    s.call(phone, cancelled=True)
    s.call(phone, ack_lost=True, talk_s=0.1)
    s.call_from(phone, talk_s=0.2)
    s.call_from(phone, ack=False, talk_s=0.1)
    s.call_from(phone, refused=404)
    s.call_from(phone, answered=False)
    s.keepalive(phone)
    s.rebind(phone, "203.0.113.7:20101")
    s.call(phone)
    s.register(phone)
    s.unregister(phone)
    s.reject(phone)
    s.phone_off(phone)
    s.options(phone)
    s.register(phone, answered=False)
    six = s.sip_phone("106", inner="2001:db8::5", outer="2001:db8::5", writes="inner")
    old = s.datagrams()[4]
    s.unreachable("203.0.113.7", old)
    assert six.inner == Endpoint("2001:db8::5", 5060)
    box = s.iax_peer("branch", inner="192.168.1.60", outer="203.0.113.7:4569")
    s.register(box, refresh=60, granted=60)
    s.poke(box)
    s.call(box, talk_s=0.2)
    s.call(box, encrypted=True, talk_s=0.2)
    s.call_from(box, talk_s=0.2)
    s.call_from(box, answered=False)
    s.reject(box)
    s.unregister(box)
    s.register(box, answered=False)
    s.register(box, token_from="203.0.113.7:4570")
    s.phone_off(box)
    s.poke(box)
    s.call(box)
    return s


@pytest.mark.parametrize("software", SOFTWARE)
def test_two_runs_are_the_same(software: str) -> None:
    assert everything(software).packets() == everything(software).packets()


@pytest.mark.parametrize("software", SOFTWARE)
def test_a_reader_gets_back_the_scenario(software: str, tmp_path: Path) -> None:
    s = everything(software)
    reader = open_source(s.write(tmp_path / "made.pcap"))
    read = [(d.ts_ns, d.src, d.dst, d.transport, d.payload, d.origin.frame) for d in reader]
    made = [(d.ts_ns, d.src, d.dst, d.transport, d.payload, d.origin.frame) for d in s.datagrams()]
    assert read == made
    flows = {(f.src, f.dst, f.kind): f.segments for f in reader.media}
    assert flows == {(f.src, f.dst, f.kind): f.segments for f in s.media()}
    assert [d.origin.frame for d in s.packets()] == list(range(1, len(s.packets()) + 1))


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
@pytest.mark.parametrize("software", SOFTWARE)
def test_tshark_finds_nothing_malformed(software: str, tmp_path: Path) -> None:
    path = everything(software).write(tmp_path / "made.pcap")
    wrong = "(_ws.malformed || _ws.expert.severity >= 0x00800000) && !icmp"
    done = subprocess.run(
        ["tshark", "-r", str(path), "-Y", wrong], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    kinds = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", "-e", "_ws.col.Protocol"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(kinds.stdout.split()) >= {"SIP", "SIP/SDP", "IAX2", "RTP", "ICMP"}


@pytest.mark.parametrize("software", SOFTWARE)
def test_every_message_is_without_defect(software: str) -> None:
    for datagram in everything(software).datagrams():
        parsed = sip.parse(datagram.payload)
        if parsed is not None:
            assert parsed.defects == (), datagram.payload


def test_a_registration() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.at(1)
    s.register(phone, expires=3600, granted=60)
    s.at(50)
    s.register(phone, expires=3600, granted=60)
    got = s.datagrams()
    assert told(got) == ["> REGISTER", "< 401", "> REGISTER", "< 200"] * 2
    assert seconds(got)[0] == 1
    assert seconds(got)[4] == 50
    first, challenge, second, ok = map(message, got[:4])
    assert {message(d).call_id for d in got} == {first.call_id}
    numbers = [m.cseq.number for m in map(message, got) if m.is_request and m.cseq]
    assert numbers == [1, 2, 3, 4]
    assert first.get("authorization") is None
    assert challenge.get("www-authenticate") is not None
    assert 'response="' in (second.get("authorization") or "")
    assert first.expires == 3600
    assert ok.expires == 60
    assert ok.contact_expires(ok.contacts[0]) == 60
    assert first.via is not None
    assert Endpoint(first.via.host, first.via.port or 0) == INNER
    assert ok.via is not None
    assert (ok.via.received, ok.via.rport) == (OUTER.ip, OUTER.port)
    assert ok.software == "Asterisk PBX 16.28.0"
    assert all(OUTER in (d.src, d.dst) for d in got)
    assert phone.location == OUTER


def test_pjsip_answers_in_its_own_way() -> None:
    s = Scenario(software="Asterisk PBX 22.5.1")
    phone = phone_of(s)
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=0)
    ok, invite = message(s.datagrams()[3]), message(s.datagrams()[4])
    assert ok.get("expires") is None
    assert ok.contact_expires(ok.contacts[0]) == 60
    assert (ok.get("via") or "").startswith(
        "SIP/2.0/UDP 192.168.1.50:5060;rport=20005;received=203.0.113.7;branch="
    )
    assert invite.request_uri_text == "sip:101@203.0.113.7:20005"


def test_pjsip_without_rewrite_contact_sends_to_the_private_contact() -> None:
    s = Scenario(software="Asterisk PBX 22.5.1", rewrite_contact=False)
    phone = phone_of(s)
    s.register(phone)
    s.at(5)
    s.call(phone)
    assert {d.dst for d in s.datagrams()[4:]} == {INNER}
    assert told(s.datagrams()[4:]) == ["< INVITE"] * 7


def test_unregistering() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.register(phone)
    s.unregister(phone)
    last = message(s.datagrams()[-1])
    assert last.expires == 0
    assert last.contacts == ()
    assert phone.location is None


def test_a_call() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.register(phone)
    s.at(10)
    call_id = s.call(phone, talk_s=3, caller="300")
    got = s.datagrams()[4:]
    assert told(got) == ["< INVITE", "> 100", "> 180", "> 200", "< ACK", "< BYE", "> 200"]
    assert {message(d).call_id for d in got} == {call_id}
    assert seconds(got)[0] == 10
    invite, answer, ack, bye = (message(got[i]) for i in (0, 3, 4, 5))
    assert invite.request_uri_text == "sip:101@192.168.1.50:5060"
    assert invite.cseq is not None
    assert invite.cseq.number == 102
    assert invite.sdp is not None
    assert invite.sdp.audio is not None
    assert invite.sdp.audio.endpoint == Endpoint(SERVER.ip, 10002)
    assert answer.sdp is not None
    assert answer.sdp.audio is not None
    assert answer.sdp.audio.endpoint == Endpoint(INNER.ip, 4000)
    assert ack.via is not None
    assert invite.via is not None
    assert ack.via.branch != invite.via.branch
    assert bye.to is not None
    assert answer.to is not None
    assert bye.to.tag == answer.to.tag
    flows = {(f.src, f.dst): f.packets for f in s.media()}
    here, there = Endpoint(SERVER.ip, 10002), Endpoint(OUTER.ip, 4000)
    assert flows == {(here, there): 150, (there, here): 150}
    assert s.now_s == pytest.approx(15.082)


@pytest.mark.parametrize(
    ("media", "comedia", "towards"),
    [
        ("both", True, Endpoint(OUTER.ip, 4000)),
        ("both", False, Endpoint(INNER.ip, 4000)),
        ("to_phone", True, Endpoint(INNER.ip, 4000)),
        ("to_pbx", True, None),
        ("none", True, None),
    ],
)
def test_where_the_sound_goes(media: str, comedia: bool, towards: Endpoint | None) -> None:
    s = Scenario(comedia=comedia)
    phone = phone_of(s)
    s.register(phone)
    s.call(phone, talk_s=0.1, media=media)  # type: ignore[arg-type]
    assert [f.dst for f in s.media() if f.src.ip == SERVER.ip] == ([towards] if towards else [])
    assert any(f.dst.ip == SERVER.ip for f in s.media()) == (media in ("both", "to_pbx"))


def test_sound_sent_elsewhere() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.call_from(phone, talk_s=0.1, rtp_to="10.0.0.9:7000")
    assert {f.dst for f in s.media() if f.src.ip == SERVER.ip} == {Endpoint("10.0.0.9", 7000)}


def test_unanswered_calls_are_repeated_as_chan_sip_does() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.at(33)
    s.call(phone, answered=False)
    got = s.datagrams()
    assert seconds(got) == [33, 33.5, 34.5, 36.5, 40.5, 48.5, 64.5]
    assert len({d.payload for d in got}) == 1
    assert s.now_s == 65


def test_a_call_to_elsewhere_is_lost() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.register(phone)
    s.call(phone, to=INNER, retransmissions=2)
    assert [d.dst for d in s.datagrams()[4:]] == [INNER] * 3


def test_force_rport_off_and_a_phone_without_rport() -> None:
    s = Scenario(force_rport=False)
    phone = phone_of(s, rport=False)
    s.register(phone, retransmissions=3)
    got = s.datagrams()
    assert told(got) == ["> REGISTER", "< 401"] * 4
    assert {d.dst for d in got[1::2]} == {Endpoint(OUTER.ip, 5060)}
    reply = message(got[1])
    assert reply.via is not None
    assert (reply.via.received, reply.via.rport) == (OUTER.ip, None)


def test_the_mapping_lapses() -> None:
    s = Scenario()
    phone = phone_of(s, nat_lifetime_s=30)
    s.register(phone)
    s.at(20)
    s.options(phone)
    s.at(60)
    s.options(phone)
    got = s.datagrams()[4:]
    assert told(got) == ["< OPTIONS", "> 200"] + ["< OPTIONS"] * 4
    assert seconds(got)[2:] == [60, 60.5, 61.5, 63.5]


def test_a_rebinding_is_unknown_to_the_pbx_until_the_phone_registers() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.register(phone)
    s.rebind(phone, "203.0.113.7:20101")
    s.call(phone, retransmissions=1)
    assert [d.dst for d in s.datagrams()[4:]] == [OUTER] * 2
    s.register(phone)
    s.call(phone, talk_s=0)
    assert told(s.datagrams())[-2:] == ["< BYE", "> 200"]
    assert {d.dst for d in s.datagrams()[-4:] if d.src == SERVER} == {
        Endpoint("203.0.113.7", 20101)
    }


def test_a_phone_that_is_off_and_on_again() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.register(phone)
    s.phone_off(phone)
    s.options(phone)
    s.phone_on(phone)
    s.options(phone)
    assert told(s.datagrams()[4:]) == ["< OPTIONS"] * 5 + ["> 200"]


def test_a_missing_ack() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.call_from(phone, ack=False, talk_s=1)
    words = told(s.datagrams())
    assert words[:6] == ["> INVITE", "< 401", "> ACK", "> INVITE", "< 100", "< 200"]
    assert words[6:] == ["< 200"] * 10 + ["< BYE", "> 200"]


def test_an_ack_that_goes_astray() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.call(phone, ack_to=INNER, talk_s=1)
    counts = Counter(told(s.datagrams()))
    assert counts["> 200"] == counts["< ACK"] == 11
    assert counts["> BYE"] == 1
    acks = [d for d in s.datagrams() if d.payload.startswith(b"ACK")]
    assert {d.dst for d in acks} == {INNER}


def test_rejected() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.reject(phone, code=403, attempts=2)
    assert told(s.datagrams()) == ["> REGISTER", "< 401", *["> REGISTER", "< 403"] * 2]
    assert phone.location is None


@pytest.mark.parametrize(
    ("writes", "via", "contact", "media"),
    [
        ("inner", INNER, INNER, Endpoint(INNER.ip, 4000)),
        ("outer", OUTER, OUTER, Endpoint(OUTER.ip, 4000)),
        ({"via": "198.51.100.9"}, Endpoint("198.51.100.9", 5060), INNER, Endpoint(INNER.ip, 4000)),
        (Writes(OUTER, INNER, OUTER), OUTER, INNER, OUTER),
    ],
)
def test_what_a_phone_writes(
    writes: object, via: Endpoint, contact: Endpoint, media: Endpoint
) -> None:
    s = Scenario()
    phone = phone_of(s, writes=writes)
    s.register(phone)
    s.call_from(phone, talk_s=0, challenge=False)
    register = message(s.datagrams()[0])
    invite = message(s.datagrams()[4])
    assert register.via is not None
    assert Endpoint(register.via.host, register.via.port or 0) == via
    uri = register.contacts[0].uri
    assert uri is not None
    assert Endpoint(uri.host, uri.port or 0) == contact
    assert invite.sdp is not None
    assert invite.sdp.audio is not None
    assert invite.sdp.audio.endpoint == media


@pytest.mark.parametrize("wrong", ["both", {"server": "192.0.2.1"}])
def test_a_phone_cannot_write_what_it_has_not(wrong: object) -> None:
    with pytest.raises(ValueError, match="writes"):
        phone_of(Scenario(), writes=wrong)


def test_a_pbx_that_writes_a_private_address() -> None:
    s = Scenario(writes="10.0.0.5")
    phone = phone_of(s)
    s.call(phone, talk_s=0.1)
    invite = message(s.datagrams()[0])
    assert invite.via is not None
    assert invite.via.host == "10.0.0.5"
    assert invite.sdp is not None
    assert invite.sdp.connection_address == "10.0.0.5"
    assert s.datagrams()[0].src == SERVER
    assert {f.dst.ip for f in s.media() if f.src.ip == OUTER.ip} == {SERVER.ip}


def test_icmp_answers_a_packet_of_the_pbx() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.call(phone, answered=False, retransmissions=0)
    s.unreachable("203.0.113.7", s.datagrams()[0])
    last = s.datagrams()[-1]
    assert last.transport is Transport.ICMP
    assert last.payload[28:34] == b"INVITE"


def test_iax_registration() -> None:
    s = Scenario()
    box = s.iax_peer("branch", inner="192.168.1.60", outer="203.0.113.7:4570")
    s.register(box, refresh=60, granted=50)
    assert told(s.datagrams()) == [
        "> REGREQ", "< CALLTOKEN", "> REGREQ", "< REGAUTH", "> REGREQ", "< REGACK", "> ACK",
    ]  # fmt: skip
    asked, token, repeated, challenge, answer, granted, ack = frames(s)
    assert asked.get("CALLTOKEN") == b""
    assert token.get("CALLTOKEN")
    assert repeated.get("CALLTOKEN")
    assert asked.source_call == repeated.source_call == answer.source_call == ack.source_call
    assert asked.dest_call == repeated.dest_call == 0
    assert challenge.source_call == granted.source_call == answer.dest_call
    assert answer.text("MD5_RESULT")
    assert (asked.integer("REFRESH"), granted.integer("REFRESH")) == (60, 50)
    assert granted.address() == Endpoint("203.0.113.7", 4570)
    numbers = [(f.oseqno, f.iseqno) for f in (repeated, challenge, answer, granted, ack)]
    assert numbers == [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)]
    assert all(frame.defects == () for frame in frames(s))


def test_iax_registration_without_tokens_and_with_a_stale_one() -> None:
    s = Scenario()
    box = s.iax_peer("branch", inner="192.168.1.60", outer="203.0.113.7:4570")
    s.register(box, calltoken=False)
    assert told(s.datagrams())[:2] == ["> REGREQ", "< REGAUTH"]
    begin = len(s.datagrams())
    s.register(box, token_from="203.0.113.7:4571")
    assert told(s.datagrams())[begin:] == ["> REGREQ", "< CALLTOKEN"] + ["> REGREQ"] * 4
    begin = len(s.datagrams())
    s.reject(box, attempts=1)
    assert told(s.datagrams())[-2:] == ["< REGREJ", "> ACK"]
    s.unregister(box)
    assert told(s.datagrams())[-4:] == ["< REGAUTH", "> REGREL", "< REGACK", "> ACK"]


def test_iax_calls() -> None:
    s = Scenario()
    box = s.iax_peer("branch", inner="192.168.1.60", outer="203.0.113.7:4569")
    s.call(box, talk_s=1)
    assert told(s.datagrams()) == [
        "< NEW", "> CALLTOKEN", "< NEW", "> AUTHREQ", "< AUTHREP", "> ACCEPT", "< ACK",
        "> RINGING", "< ACK", "> ANSWER", "< ACK", "> STOP_SOUNDS", "< ACK", "> ULAW", "< ULAW",
        "< ACK", "> ACK", "< HANGUP", "> ACK",
    ]  # fmt: skip
    assert {f.packets for f in s.media()} == {49}
    stamps = [f.timestamp_ms for f in frames(s) if f.subclass_name in ("ACCEPT", "ACK")]
    assert stamps[0] == stamps[1]
    s.at(100)
    s.call(box, answered=False)
    last = s.datagrams()[-4:]
    assert seconds(last) == [100, 102, 112, 122]
    assert [f.retransmission for f in frames(s)[-4:]] == [False, True, True, True]
    s.call_from(box, talk_s=0)
    assert told(s.datagrams())[23:26] == ["> NEW", "< CALLTOKEN", "> NEW"]


def test_iax_qualify() -> None:
    s = Scenario()
    box = s.iax_peer("branch", inner="192.168.1.60", outer="203.0.113.7:4569")
    s.poke(box)
    assert told(s.datagrams()) == ["< POKE", "> PONG", "< ACK"]
    s.at(60)
    s.poke(box, answered=False)
    assert seconds(s.datagrams()[3:]) == [60, 60.5, 65.5, 75.5]


def test_an_encrypted_call_can_be_told() -> None:
    s = Scenario()
    box = s.iax_peer("branch", inner="192.168.1.60", outer="203.0.113.7:4569")
    s.call(box, encrypted=True, talk_s=0.1, calltoken=False)
    clear, sealed = frames(s)[:3], frames(s)[3:]
    assert [frame.integer("ENCRYPTION") for frame in clear] == [1, 1, 1]
    assert not any(map(looks_encrypted, clear))
    assert sum(map(looks_encrypted, sealed)) > len(sealed) * 0.8
    assert {frame.source_call for frame in sealed} == {frame.source_call for frame in clear}


def test_keepalives_and_packets_by_hand() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.at(3)
    s.keepalive(phone)
    assert phone.last_sent_s == 3
    s.send("198.51.100.9:1234", SERVER, b"x")
    s.send(
        "198.51.100.9:1234", Endpoint(SERVER.ip, 10000), bytes.fromhex("8008") + bytes(20), rtp=True
    )
    assert [d.payload for d in s.datagrams()] == [b"\r\n\r\n", b"x"]
    assert len(s.media()) == 1


def test_keep_registered() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.keep_registered(phone, until=100, every=45)
    requests = [d for d in s.datagrams() if d.payload.startswith(b"REGISTER")]
    assert seconds(requests)[::2] == [0, 45, 90]


def test_going_back_in_time_is_sorted() -> None:
    s = Scenario()
    phone = phone_of(s)
    s.at(20)
    s.options(phone)
    s.at(10)
    s.options(phone)
    assert seconds(s.datagrams()) == [10, 10.04, 20, 20.04]
    assert [d.origin.frame for d in s.datagrams()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("software", "driver"),
    [
        ("Asterisk PBX 16.28.0~dfsg-0+deb11u4", "chan_sip"),
        ("Asterisk PBX 20.9.1", "chan_sip"),
        ("Asterisk PBX 21.0.0", "chan_pjsip"),
        ("FPBX-15.0.17(16.13.0)", "chan_sip"),
        ("FPBX-17.0.19(22.1.0)", "chan_pjsip"),
        ("My PBX", "chan_sip"),
    ],
)
def test_driver(software: str, driver: str) -> None:
    assert driver_of(software) == driver


def test_repeats() -> None:
    assert repeats(6) == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert repeats(10, cap_s=4.0) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert repeats(2, 0.1) == [0, 0.1, pytest.approx(0.3)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("192.0.2.1", Endpoint("192.0.2.1", 7)),
        ("192.0.2.1:5", Endpoint("192.0.2.1", 5)),
        ("2001:db8::1", Endpoint("2001:db8::1", 7)),
        ("[2001:db8::1]", Endpoint("2001:db8::1", 7)),
        ("[2001:db8::1]:5", Endpoint("2001:db8::1", 5)),
    ],
)
def test_endpoint(written: str, value: Endpoint) -> None:
    assert endpoint(written, 7) == value
