"""Judged contexts to all the pictures of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sipdiag.base.datagram import Datagram, Origin
from sipdiag.findings.context import Context
from sipdiag.findings.model import Finding, Severity
from sipdiag.flows.align import Step
from sipdiag.report.picture.book import MessageBook
from sipdiag.report.picture.choose import choose
from sipdiag.report.picture.model import CAPS, Caps, Pictures
from sipdiag.report.picture.steps import StepPainter
from sipdiag.report.picture.timelines import Client, clients, strip, timeline
from sipdiag.report.picture.tracks import media

Again = Callable[[Context], Iterable[Datagram]]
"""A source's datagrams once more, in order; nothing where it can't be read again."""


def paint(contexts: Sequence[Context], again: Again | None = None, caps: Caps = CAPS) -> Pictures:
    """``contexts`` are judged, the one with the verdict first. Without ``again`` no messages are
    shown, and so no ladders."""
    found = sorted(
        (finding for context in contexts for finding in context.found),
        key=lambda f: (-f.severity, f.caused_by is not None, -f.confidence),
    )
    accused = dict.fromkeys(f.subject.ident for f in found if f.severity >= Severity.WARNING)
    ranked = clients(contexts, accused)
    pictures = Pictures()
    _draw_times(pictures, ranked, caps)
    if again is not None:
        _draw_steps(pictures, ranked, _evidence(found), again, caps)
    return pictures


def _draw_times(pictures: Pictures, ranked: list[Client], caps: Caps) -> None:
    """Timelines with media, and strips: of so many clients, each followed by itself in GOOD."""
    subjects: dict[str, None] = {}
    stripped: dict[str, None] = {}
    for client in ranked:
        if client.subject in subjects or len(subjects) < caps.timelines:
            picture = timeline(client, caps)
            if picture is not None:
                subjects[client.subject] = None
                pictures.timelines.append(picture)
                tracks = media(client, picture.begin_s, picture.end_s, caps)
                if tracks is not None:
                    pictures.media.append(tracks)
        elif client.side != "GOOD":
            pictures.timelines_left_out += 1
        if client.subject in stripped or len(stripped) < caps.strips:
            reached = strip(client, caps)
            if reached is not None:
                stripped[client.subject] = None
                pictures.strips.append(reached)
        elif client.side != "GOOD":
            pictures.strips_left_out += 1


def _evidence(found: Iterable[Finding]) -> list[Origin]:
    return [item.origin for finding in found for item in finding.evidence]


def _draw_steps(
    pictures: Pictures, ranked: list[Client], evidence: list[Origin], again: Again, caps: Caps
) -> None:
    choice = choose(ranked, evidence, caps)
    if choice is None:
        return
    ours = MessageBook([item.step for item in choice.steps], caps.messages)
    ours.fill(again(choice.client.context))
    theirs = {}
    if choice.twin is not None:
        twins: list[Step] = choice.twins()
        book = MessageBook(twins, caps.messages)
        book.fill(again(choice.twin.context))
        theirs = {id(twin): kept for twin, kept in zip(twins, book.kept, strict=True)}
    painter = StepPainter(choice, caps)
    pictures.steps = painter.paint(ours.kept, ours.left_out, theirs)
    pictures.messages = painter.messages
    pictures.steps_subject = choice.client.subject
    pictures.steps_left_out = choice.left_out
    pictures.exact = choice.client.context.subjects.source.bytes_exact
    if not any(ours.kept):
        pictures.steps, pictures.messages = [], []
