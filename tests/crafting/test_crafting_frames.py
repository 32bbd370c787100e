"""Three ways to the same bytes: scapy's layers, ``build`` and ``parse`` agree."""

from __future__ import annotations

import datetime
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting import iax2
from sipdiag.crafting.iax2 import IE, FrameType, Iax
from sipdiag.protocols.iax2 import ELEMENTS, FullFrame, MetaFrame, Value, VideoMiniFrame, parse

calls = st.integers(0, 0x7FFF)
bytes_ = st.integers(0, 0xFF)


def full(data: bytes) -> FullFrame:
    frame = parse(data)
    assert isinstance(frame, FullFrame)
    return frame


@given(
    calls,
    calls,
    st.booleans(),
    st.integers(0, 0xFFFFFFFF),
    bytes_,
    bytes_,
    st.sampled_from(list(Iax)),
    st.lists(st.tuples(bytes_, st.binary(max_size=255)), max_size=4),
)
def test_what_is_built_is_parsed(
    source: int,
    dest: int,
    again: bool,
    stamp: int,
    oseqno: int,
    iseqno: int,
    command: Iax,
    elements: list[tuple[int, bytes]],
) -> None:
    frame = full(
        iax2.build(
            command,
            source_call=source,
            dest_call=dest,
            retransmission=again,
            timestamp_ms=stamp,
            oseqno=oseqno,
            iseqno=iseqno,
            elements=elements,
        )
    )
    assert (frame.source_call, frame.dest_call, frame.retransmission) == (source, dest, again)
    assert (frame.timestamp_ms, frame.oseqno, frame.iseqno) == (stamp, oseqno, iseqno)
    assert (frame.frame_type, frame.subclass) == (FrameType.IAX, command)
    assert [(element.number, element.raw) for element in frame.elements] == elements


SAMPLES: dict[type, Value] = {
    str: "text",
    int: 7,
    datetime.datetime: datetime.datetime(2026, 1, 2, 3, 4, 6),
    Endpoint: Endpoint("192.0.2.1", 4569),
}


def test_every_element_packs_back_to_its_value() -> None:
    packed = set()
    for number, name, _ in ELEMENTS:
        for sample in (*SAMPLES.values(), b""):
            try:
                data = iax2.pack(number, sample)
            except KeyError:
                continue
            frame = full(iax2.build(Iax.NEW, elements=[]) + data)
            if frame.get(name) == sample:
                packed.add(number)
    assert packed == {number for number, _, _ in ELEMENTS}


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_addresses_pack_in_both_orders(ip: str, big_endian: bool) -> None:
    data = iax2.pack_sockaddr(Endpoint(ip, 4569), big_endian=big_endian)
    frame = full(iax2.build(Iax.REGACK, elements=[(IE.APPARENT_ADDR, data)]))
    assert frame.address() == Endpoint(ip, 4569)


@pytest.mark.parametrize(("subclass", "csub"), [(4, 4), (-1, 0xFF), (1 << 10, 0x8A), (128, 0x87)])
def test_large_subclasses_become_a_power(subclass: int, csub: int) -> None:
    frame = full(iax2.build(subclass, frame_type=FrameType.VOICE))
    assert (frame.csub, frame.subclass) == (csub, subclass)


def test_media_frames() -> None:
    video = parse(iax2.build_video(5, 0x18001, b"x", marker=True))
    assert isinstance(video, VideoMiniFrame)
    assert (video.source_call, video.timestamp_ms, video.marker) == (5, 1, True)
    for own in (False, True):
        trunk = parse(iax2.build_trunk(9, [(1, 3, b"ab"), (2, 4, b"c")], own=own))
        assert isinstance(trunk, MetaFrame)
        assert [e.source_call for e in trunk.entries] == [1, 2]
        assert [e.timestamp_ms for e in trunk.entries] == ([3, 4] if own else [None, None])
        assert not trunk.defects


def test_scapy_reads_and_writes_the_same_frames() -> None:
    from scapy.packet import Raw

    from sipdiag.crafting import frames

    elements: list[tuple[int, Value]] = [(IE.USERNAME, "bob"), (IE.REFRESH, 60)]
    data = iax2.build(
        Iax.REGREQ, source_call=7, dest_call=9, retransmission=True, oseqno=1, elements=elements
    )
    assert bytes(frames.IAX2(data)) == data
    layer = frames.IAX2(
        source_call=7,
        dest_call=9,
        retransmission=1,
        oseqno=1,
        csub=Iax.REGREQ,
        elements=[
            frames.IAX2Element(number=IE.USERNAME, data=b"bob"),
            frames.IAX2Element(number=IE.REFRESH, data=b"\x00\x3c"),
        ],
    )
    assert bytes(layer) == data
    voice = iax2.build(4, frame_type=FrameType.VOICE, source_call=7, data=b"sound")
    assert frames.IAX2(voice)[Raw].load == b"sound"
    for other, kind in (
        (iax2.build_mini(7, 20, b"sound"), frames.IAX2Mini),
        (iax2.build_video(7, 20, b"sound"), frames.IAX2VideoMini),
        (iax2.build_trunk(1, [(7, None, b"ab"), (8, None, b"c")]), frames.IAX2Trunk),
        (iax2.build_trunk(1, [(7, 3, b"ab"), (8, 4, b"c")], own=True), frames.IAX2Trunk),
    ):
        packet = frames.IAX2(other)
        assert isinstance(packet, kind)
        assert bytes(packet) == other
    assert len(frames.IAX2(iax2.build_trunk(1, [(7, None, b"ab"), (8, None, b"")])).entries) == 2


def test_only_the_scapy_module_loads_scapy() -> None:
    code = (
        "import sys, sipdiag.crafting.scenario, sipdiag.crafting.capture;"
        "sys.exit(any(name.partition('.')[0] in ('scapy', 'pyshark', 'rich', 'typer')"
        " for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
