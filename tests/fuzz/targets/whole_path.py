"""The whole way: captures whose messages were tampered with, to a report in every form.

A capture of a made-up story is taken; bytes, headers, times and ends of its messages are changed
as the fuzzer says; what is read of it is judged, alone, beside the untouched one and as the other
side of it, and rendered.
"""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import sipdiag
from sipdiag.base.datagram import Datagram
from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.scenario import Scenario
from sipdiag.pipeline import Options
from tests.fuzz.target import Taken, Target, block
from tests.fuzz.targets._capture import LIMITS
from tests.readers import packets as p

_KINDS = ("text", "markdown", "html")
_OPTIONS = Options(limits=LIMITS)
_S = 10**9


def _lost_calls() -> Scenario:
    story = Scenario(server="203.0.113.80", software="Asterisk PBX 16.28.0")
    phone = story.sip_phone("101", inner="192.168.1.50:5060", outer="203.0.113.7:40001")
    story.at(0)
    story.register(phone, expires=120, granted=120)
    story.at(10)
    story.call(phone, talk_s=1)
    story.at(80)
    story.call(phone, answered=False)
    story.at(118)
    story.register(phone, expires=120, granted=120)
    return story


def _iax2() -> Scenario:
    story = Scenario(server="203.0.113.80", software="Asterisk PBX 16.28.0")
    peer = story.iax_peer("bob", inner="192.168.1.51:4569", outer="203.0.113.7:4569")
    story.at(0)
    story.register(peer)
    story.at(20)
    story.call(peer, talk_s=1)
    story.at(90)
    story.call(peer, answered=False)
    return story


def _pjsip() -> Scenario:
    story = Scenario(server="203.0.113.80", software="Asterisk PBX 22.1.0", rewrite_contact=False)
    phone = story.sip_phone("202", inner="10.0.0.50:5062", outer="100.64.1.7:1025")
    story.at(0)
    story.reject(phone)
    story.at(5)
    story.register(phone, expires=60, granted=60)
    story.at(15)
    story.call(phone, answered=False)
    return story


_STORIES: tuple[Callable[[], Scenario], ...] = (_lost_calls, _iax2, _pjsip)


@cache
def _told(number: int) -> tuple[Datagram, ...]:
    return tuple(_STORIES[number % len(_STORIES)]().datagrams())


def _capture(datagrams: list[Datagram]) -> bytes:
    records = []
    for datagram in datagrams:
        src, dst = datagram.src, datagram.dst
        if src is not None and dst is not None:
            ts_ns = min(max(datagram.ts_ns, 0), 2**32 * _S - 1)
            packet = p.udp((src.ip, src.port), (dst.ip, dst.port), datagram.payload[:65_000], 0)
            records.append((ts_ns, packet))
    return p.pcap(records, 101)


def _tampered(taken: Taken, datagrams: list[Datagram]) -> list[Datagram]:
    """As many changes as there are bytes for."""
    while taken and datagrams:
        what, which, where = taken.number(), taken.number() % len(datagrams), taken.number(2)
        old = datagrams[which]
        payload = old.payload
        at = where % (len(payload) + 1)
        kind = what % 12
        if kind == 0:
            new = taken.block()
            old = replace(old, payload=payload[:at] + new + payload[at + len(new) :])
        elif kind == 1:
            old = replace(old, payload=payload[:at] + taken.block() + payload[at:])
        elif kind == 2:
            old = replace(old, payload=payload[:at] + payload[at + taken.number() :])
        elif kind == 3:
            datagrams.insert(which, old)
        elif kind == 4:
            del datagrams[which]
            continue
        elif kind == 5:
            old = replace(old, ts_ns=old.ts_ns + (where - 32_768) * _S // 64)
        elif kind == 6:
            old = replace(old, src=old.dst, dst=old.src)
        elif kind == 7:
            old = replace(old, src=_end(old.src, where, taken.number()))
        elif kind == 8:
            old = replace(old, dst=_end(old.dst, where, taken.number()))
        elif kind == 9:
            old = replace(old, payload=_header(payload, where, taken.block()))
        elif kind == 10:
            other = taken.number() % len(datagrams)
            old = replace(old, payload=datagrams[other].payload)
        else:
            datagrams = datagrams[which:] + datagrams[:which]
            continue
        datagrams[which] = old
    return datagrams[:200]


def _end(end: Endpoint | None, where: int, host: int) -> Endpoint:
    addresses = ("203.0.113.7", "203.0.113.80", "192.168.1.50", "100.64.1.7", "198.51.100.9")
    ip = addresses[host] if host < len(addresses) else (end.ip if end else addresses[0])
    return Endpoint(ip, where)


def _header(payload: bytes, where: int, value: bytes) -> bytes:
    lines = payload.split(b"\r\n")
    number = where % len(lines)
    name, colon, _ = lines[number].partition(b":")
    lines[number] = name + colon + b" " + value if colon else value
    return b"\r\n".join(lines)


def check(data: bytes) -> None:
    """See the module."""
    taken = Taken(data)
    story, way = taken.number(), taken.number()
    told = _told(story)
    before = _capture(list(told))
    after = _capture(_tampered(taken, list(told)))
    good, bad = io.BytesIO(before), io.BytesIO(after)
    if way % 4 == 1:
        report, pictures = sipdiag.compare_illustrated(good, bad, _OPTIONS)
    elif way % 4 == 2:
        report, pictures = sipdiag.analyse_illustrated(good, bad, options=_OPTIONS)
    elif way % 4 == 3:
        report, pictures = sipdiag.compare_illustrated(bad, good, _OPTIONS)
    else:
        report, pictures = sipdiag.analyse_illustrated(bad, options=_OPTIONS)
    made = json.loads(sipdiag.render(report))
    assert made["schema"].startswith("sipdiag/")
    kind = _KINDS[way // 4 % len(_KINDS)]
    for char in sipdiag.render(report, kind, pictures if kind == "html" else None):
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs"), repr(char)
    for finding in report.findings:
        for evidence in finding.evidence:
            assert evidence.frame is None or evidence.frame > 0


def _step(what: int, which: int, where: int = 0, value: bytes | None = None) -> bytes:
    head = bytes([what, which]) + where.to_bytes(2)
    return head if value is None else head + block(value)


def seeds() -> Iterator[bytes]:
    """Each kind of change to each story, in each way of looking at it."""
    evil = b"\x1b[2J[red]\xe2\x80\xae<script>"
    for story in range(len(_STORIES)):
        for way in range(4):
            head = bytes([story, way + 4 * ((story + way) % len(_KINDS))])
            yield head
            yield head + _step(9, 2, 1, b"SIP/2.0/UDP 10.0.0.9:1;branch=z9hG4bK" + evil)
            yield head + _step(9, 0, 6, b"<sip:" + evil + b"@[fe80::1]:99999>;expires=-1")
            yield head + _step(0, 1, 10, b"\0\xff") + _step(1, 3, 50, b"\r\n\r\n") + _step(2, 2, 9)
            yield head + _step(3, 1) + _step(4, 4) + _step(5, 3, 32_000) + _step(6, 2)
            yield head + _step(7, 2, 999) + b"\1" + _step(8, 3, 5060) + b"\2" + _step(11, 5)


TARGET = Target(
    "whole_path",
    check,
    seeds,
    words=(
        b"\r\nContact: <sip:", b";expires=0", b";rport=1", b";received=10.0.0.1", b"z9hG4bK",
        b"Content-Length: 99999\r\n", b"\r\nc=IN IP4 10.9.9.9\r\n", b"m=audio 1 RTP/AVP 0",
        b"SIP/2.0 401 x", b"Expires: 4294967295", b"*", b"\x1b[31m", b"[fe80::1]", b"\xe2\x80\xae",
    ),
)  # fmt: skip
