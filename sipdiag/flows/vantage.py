"""Where captures were taken, and which of them saw the same messages."""

from __future__ import annotations

from sipdiag.base.datagram import Source, Vantage
from sipdiag.base.endpoint import behind_nat, same_address
from sipdiag.base.interval import NS
from sipdiag.flows.sightings import Crossing, Sightings, cross
from sipdiag.flows.subjects import Subjects


def vantage_of(subjects: Subjects) -> Vantage:
    """The phone's side sees its own address contradicted by the registrar's answer (RFC 3581,
    IAX2's APPARENT ADDR); the PBX's side sees another source than the phone wrote."""
    phone = pbx = False
    for peer in subjects.peers:
        for attempt in peer.attempts:
            seen = attempt.seen_as
            if seen is not None and not same_address(seen.ip, attempt.src.ip):
                phone = True
            elif attempt.written is not None and attempt.written.via_host is not None:
                pbx = pbx or not same_address(attempt.written.via_host, attempt.src.ip)
    if phone != pbx:
        return Vantage.PHONE if phone else Vantage.PBX
    return Vantage.UNKNOWN


_LONGEST_GAP_NS = 600 * NS
"""Between the end of one file of a ring (tcpdump -C, -G) and the beginning of the next."""


def rotated(sources: list[Source]) -> list[list[int]]:
    """Which sources go on from each other, as the files of a ring do: of one kind and place, in
    order of time, without overlap and without a long gap. Gives the indices of each row."""
    known = [
        (first, last, n)
        for n, source in enumerate(sources)
        if (first := source.first_ns) is not None and (last := source.last_ns) is not None
    ]
    rows: list[list[int]] = []
    for first, _, n in sorted(known):
        for row in rows:
            before = sources[row[-1]]
            same = (before.kind, before.name == sources[n].name) == (sources[n].kind, False)
            places = {before.vantage, sources[n].vantage} - {Vantage.UNKNOWN}
            gap = first - (before.last_ns or 0)
            if same and len(places) < 2 and 0 <= gap <= _LONGEST_GAP_NS:
                row.append(n)
                break
        else:
            rows.append([n])
    return rows + [[n] for n in range(len(sources)) if n not in {k[2] for k in known}]


def crossings_of(sightings: list[Sightings]) -> list[tuple[Crossing, bool]]:
    """Every pair of sources with messages in common, the clients' side as the near one, and
    whether both were taken at one place: no address differs between them."""
    found = []
    for number, first in enumerate(sightings):
        for second in sightings[number + 1 :]:
            near, far = (second, first) if _nearer(second, first) else (first, second)
            crossing = cross(near, far)
            if crossing is None:
                continue
            if not _same_place(crossing) and _far_is_inside(crossing):
                swapped = cross(far, near)
                crossing = swapped if swapped is not None else crossing
            found.append((crossing, _same_place(crossing)))
    return found


def _nearer(one: Sightings, other: Sightings) -> bool:
    """What was said or worked out of the sources by themselves."""
    return one.source.vantage is Vantage.PHONE or (
        other.source.vantage is Vantage.PBX and one.source.vantage is not Vantage.PBX
    )


def _same_place(crossing: Crossing) -> bool:
    return all(
        a is None or b is None or a == b
        for match in crossing.matches
        for a, b in ((match.near.src, match.far.src), (match.near.dst, match.far.dst))
    )


def _far_is_inside(crossing: Crossing) -> bool:
    """Whether it is the far source that shows private addresses where the near one has public."""
    for match in crossing.matches:
        for a, b in ((match.near.src, match.far.src), (match.near.dst, match.far.dst)):
            if a is not None and b is not None and behind_nat(a.ip) != behind_nat(b.ip):
                return behind_nat(b.ip)
    return False
