"""What a rule says: a ``Finding``, or ``Undetermined`` with what to capture next, or nothing.

Texts hold wire text as it came; only the renderers escape it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sipdiag.base.datagram import Origin

if TYPE_CHECKING:
    from sipdiag.findings.context import Context
    from sipdiag.findings.reach import Reach


class Severity(enum.IntEnum):
    """How bad it is. ERROR: calls or audio are lost."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """As reports and ``--fail-on`` write it."""
        return self.name.lower()


class Confidence(enum.IntEnum):
    """How sure it is. HIGH: nothing else that we know of explains the packets."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """As reports write it."""
        return self.name.lower()


class Subject(NamedTuple):
    """What a finding is about: ``peer``, ``call``, ``source`` or ``section``, and its name
    (wire text)."""

    kind: str
    ident: str


class Evidence(NamedTuple):
    """One packet that proves something. ``role``: ``primary`` (one a finding), ``supports``,
    ``contrast`` (worked, to compare with) or ``baseline`` (from GOOD). ``ts_ns`` None: a line of a
    configuration file, which has no time."""

    origin: Origin
    ts_ns: int | None
    role: str
    excerpt: str


Param = str | int | float | bool | None | list[str] | list[float]


@dataclass(slots=True, eq=False)
class Finding:
    """Something that was shown."""

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    subject: Subject
    message: str
    """One or two plain sentences."""
    params: dict[str, Param]
    evidence: list[Evidence]
    caused_by: Finding | None = None
    protocol: str = "SIP"


class Undetermined(NamedTuple):
    """Something that could be so, and what would decide it."""

    code: str
    name: str
    subject: Subject
    reason: str
    capture_next: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A finding of the catalogue. The texts are its page of documentation (Markdown). It judges
    either the source or each client."""

    code: str
    name: str
    title: str
    severity: Severity
    means: str
    why: str
    confirm: str
    remedy: str
    references: tuple[str, ...]
    judge: Callable[[Context], Iterable[Finding | Undetermined]] | None = None
    """Judges the source as a whole."""
    judge_client: Callable[[Context, Reach], Iterable[Finding | Undetermined]] | None = None
    """Judges one client: by all subjects, and by what earlier rules found."""
    silent_on: tuple[str, ...] = field(default=())
    """Look-alikes that must not be accused."""
    after: tuple[str, ...] = field(default=())
    """Codes of the rules that must have run, as this one looks at what they found."""
