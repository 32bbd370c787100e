"""``--write-pcap FILE``: the packets that are evidence, and no others, as pcapng.

Contract: each input is read a second time and its evidence copied by frame number, byte for byte,
with its link type; each packet's comments name the finding and what the packet does in it, so that
Wireshark shows why it is there. An IP fragment brings the others of its packet along, a TCP
segment those in which its message began. Inputs that hold no packets (a log), or whose packets must
not be shown as they are (``--anonymise``), give theirs as ``convert`` does. A comparison's GOOD is
left out: it has another clock.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain, islice
from typing import NamedTuple

from sipdiag._version import __version__
from sipdiag.base.errors import AccessError, SipdiagError, UsageError
from sipdiag.base.interval import NS
from sipdiag.cli.capture_out import PcapngWriter
from sipdiag.cli.remade import LocalEnds, remade
from sipdiag.inputs import Options, open_input
from sipdiag.inputs import datagrams as datagrams_of
from sipdiag.readers import Records, ip, open_records, open_source
from sipdiag.readers.link import LINKS
from sipdiag.report.model import Report
from sipdiag.report.safe import plain
from sipdiag.report.words import ROLES

_ETHERNET = 1
_LOOK_AHEAD = 5000
"""Messages of a log that are looked at for the PBX's address."""
_FRAGMENT_NS = 30 * NS
"""As long as Linux waits for the fragments of a packet."""

Wanted = dict[int, list[str]]
"""By frame or line: the comments."""

_FragmentKey = tuple[bytes, bytes, int, int]


class _Companions(NamedTuple):
    """What makes the packets wanted whole: IP packets of which some are fragments, and when these
    came (ns); frames with earlier TCP segments of a message."""

    fragments: dict[_FragmentKey, int]
    segments: set[int]


class Packet(NamedTuple):
    """One packet to write."""

    ts_ns: int
    linktype: int
    data: bytes
    wire_bytes: int
    comments: list[str]


class Written(NamedTuple):
    """What became of the evidence: packets written, of GOOD left out, and pieces that are no
    packets (lines of a log, sound in an anonymised capture)."""

    packets: int
    of_good: int
    no_packets: int


def check(inputs: Sequence[str], target: str) -> None:
    """Raises ``UsageError`` where the inputs can't be read twice, or would be written over."""
    for name in inputs:
        if name == "-" or (os.path.exists(name) and not os.path.isfile(name)):
            raise UsageError(
                f"--write-pcap reads its input twice, which {name} doesn't allow: name a file"
            )
        if os.path.exists(target) and os.path.exists(name) and os.path.samefile(name, target):
            raise UsageError(f"--write-pcap: {target} is an input")


def write_evidence(
    report: Report, inputs: Sequence[str], options: Options, target: str, good: str | None = None
) -> Written:
    """Writes the evidence of every finding. ``good``: GOOD of a comparison. Raises
    ``AccessError`` where the file can't be written; none that isn't whole is left."""
    wanted = _wanted(report)
    known = {_label(name, options): name for name in inputs}
    labels = [label for label in known if wanted.get(label)]
    packets = [
        _numbered(n, _packets(known[label], label, wanted[label], options))
        for n, label in enumerate(labels)
    ]
    count = 0
    try:
        with open(target, "wb") as file:
            writer = PcapngWriter(file, _comment(report), f"sipdiag {__version__}")
            interfaces: dict[tuple[int, int], int] = {}
            for _, number, packet in merge(*packets, key=lambda item: item[:2]):
                key = (number, packet.linktype)
                if key not in interfaces:
                    name = plain(os.path.basename(labels[number]))
                    interfaces[key] = writer.interface(packet.linktype, name)
                writer.packet(
                    packet.ts_ns,
                    packet.data,
                    *packet.comments,
                    interface=interfaces[key],
                    wire_bytes=packet.wire_bytes,
                )
                count += bool(packet.comments)
            if not interfaces:
                writer.interface(_ETHERNET)
    except (OSError, SipdiagError) as error:
        with contextlib.suppress(OSError):
            os.unlink(target)
        if isinstance(error, SipdiagError):
            raise
        raise AccessError(f"{target}: can't be written: {error.strerror or error}") from None
    label = _label(good, options) if good is not None else None
    of_good = len(wanted.get(label, ())) if label is not None and label not in known else 0
    return Written(count, of_good, sum(len(w) for w in wanted.values()) - count - of_good)


def _numbered(number: int, packets: Iterator[Packet]) -> Iterator[tuple[int, int, Packet]]:
    return ((packet.ts_ns, number, packet) for packet in packets)


def _label(name: str, options: Options) -> str:
    return name if options.anonymise is None else options.anonymise.label(name)


def _comment(report: Report) -> str:
    return plain(f"Evidence picked by sipdiag {__version__}: {report.verdict.summary}")


def _wanted(report: Report) -> dict[str, Wanted]:
    """By source: the frames or lines that findings rest on."""
    wanted: defaultdict[str, Wanted] = defaultdict(dict)
    for finding in report.findings:
        for item in finding.evidence:
            place = item.frame if item.frame is not None else item.line
            if place is None:
                continue
            role = ROLES[item.role]
            said = f"{finding.code} {finding.name}, {finding.subject.id}, {role}: {item.excerpt}"
            wanted[item.source].setdefault(place, []).append(plain(said))
    return wanted


def _packets(name: str, label: str, wanted: Wanted, options: Options) -> Iterator[Packet]:
    if options.anonymise is None and (records := open_records(name, options.limits)) is not None:
        with contextlib.closing(records):
            yield from _copied(records, wanted, _companions(name, wanted, options))
        return
    reader = open_input(name, options)
    with contextlib.closing(reader):
        datagrams = iter(datagrams_of(reader, options))
        first = list(islice(datagrams, _LOOK_AHEAD))
        ends = LocalEnds(first, next(iter(options.local_shown), None))
        number = 0
        for datagram in chain(first, datagrams):
            origin = datagram.origin
            place = origin.frame if origin.frame is not None else origin.line
            if place not in wanted:
                continue
            number += 1
            made = remade(datagram, ends, label, number)
            if made is not None:
                comments = [*wanted[place], *(["; ".join(made.said)] if made.said else [])]
                yield Packet(datagram.ts_ns, _ETHERNET, made.data, len(made.data), comments)


def _copied(records: Records, wanted: Wanted, companions: _Companions) -> Iterator[Packet]:
    """The frames wanted, and those that make them whole."""
    fragments, segments = companions
    for number, (ts_ns, face, data, wire) in enumerate(records, 1):
        comments = wanted.get(number, [])
        if not comments and number not in segments:
            key = _fragment(_ip_header(face.linktype, data)) if fragments else None
            if key is None or abs(fragments.get(key, -_FRAGMENT_NS) - ts_ns) >= _FRAGMENT_NS:
                continue
        yield Packet(ts_ns, face.linktype, data, wire, comments)


def _companions(name: str, wanted: Wanted, options: Options) -> _Companions:
    found = _Companions({}, set())
    records = open_records(name, options.limits)
    if records is None:
        return found
    over_tcp = set()
    with contextlib.closing(records):
        for number, (ts_ns, face, data, _) in enumerate(islice(records, max(wanted)), 1):
            header = _ip_header(face.linktype, data) if number in wanted else None
            if (key := _fragment(header)) is not None:
                found.fragments[key] = ts_ns
            if header is not None and header.protocol == ip.TCP:
                over_tcp.add(number)
    if over_tcp:
        with contextlib.closing(open_source(name, limits=options.limits)) as reader:
            for datagram in reader:
                if datagram.origin.frame in over_tcp:
                    found.segments.update(datagram.before)
    return found


def _ip_header(linktype: int, data: bytes) -> ip.Header | None:
    find = LINKS.get(linktype)
    return ip.ip_header(data, find(data)) if find is not None else None


def _fragment(header: ip.Header | None) -> _FragmentKey | None:
    """What the fragments of one IP packet have in common (RFC 791 section 3.2)."""
    if header is None or header.fragment is None:
        return None
    return header.src, header.dst, header.protocol, header.fragment[0]
