"""What a diagnosis is, field by field as in the JSON schema ``sipdiag/1``.

The texts hold wire text as it came. Times are ISO 8601 in UTC with microseconds; None = not
known. Fields may be added to a schema; none is removed or changed within ``sipdiag/1``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SCHEMA = "sipdiag/1"


@dataclass(slots=True)
class SourceInfo:
    """One input. ``notes`` are sentences for people."""

    name: str
    kind: str
    vantage: str
    packets: int
    sip_messages: int
    iax2_frames: int
    rtp_packets: int
    first: str | None
    last: str | None
    truncated: bool
    notes: list[str]


@dataclass(slots=True)
class VerdictInfo:
    """The root cause, or None where nothing at warning or above was found."""

    finding: str | None
    code: str | None
    confidence: str | None
    subject: str | None
    summary: str


@dataclass(slots=True)
class SubjectInfo:
    """What a finding is about."""

    kind: str
    id: str


@dataclass(slots=True)
class EvidenceInfo:
    """A packet. ``frame`` as Wireshark counts; ``line`` in a log."""

    source: str
    frame: int | None
    line: int | None
    time: str
    role: str
    excerpt: str


@dataclass(slots=True)
class FindingInfo:
    """A finding; ``caused_by`` is the name of the one that explains it."""

    code: str
    name: str
    severity: str
    confidence: str
    subject: SubjectInfo
    message: str
    params: dict[str, object]
    evidence: list[EvidenceInfo]
    caused_by: str | None


@dataclass(slots=True)
class UndeterminedInfo:
    """A question that the packets leave open, and the capture that would answer it."""

    code: str
    name: str
    subject: SubjectInfo
    reason: str
    capture_next: str


@dataclass(slots=True)
class LifetimeInfo:
    """A NAT binding's lifetime between observations. ``failed_count``: losses on an aged binding
    while the client was alive. ``refresh_s``: how often something must cross the NAT;
    ``refresh_assumed``: by usual practice, as too little was observed. Both None where nothing
    failed."""

    subject: str
    lower_s: float | None
    upper_s: float | None
    survived_count: int
    failed_count: int
    refresh_s: int | None
    refresh_assumed: bool | None


@dataclass(slots=True)
class RegistrationInfo:
    """``observed_s``: median seconds between refreshes."""

    subject: str
    granted_s: int | None
    observed_s: float | None


@dataclass(slots=True)
class ReachableInfo:
    """Shares (0 to 1) of ``span_s`` in which the client's binding was surely alive, surely dead,
    or neither is known."""

    subject: str
    alive_share: float
    dead_share: float
    unknown_share: float
    span_s: float


@dataclass(slots=True)
class KeepaliveInfo:
    """One kind of packet that holds a client's binding open. ``refreshes`` None: it wants no
    answer, and NATs differ in whether such a packet to the client refreshes."""

    subject: str
    kind: str
    by: str
    """``client`` or ``pbx``."""
    sent_count: int
    every_s: float | None
    answered_count: int | None
    refreshes: bool | None


@dataclass(slots=True)
class RouterInfo:
    """What was observed of one NAT, its clients pooled; None = not observed. ``agree`` False: its
    clients' observations contradict each other, and there are no bounds then."""

    address: str
    clients: list[str]
    lower_s: float | None
    upper_s: float | None
    agree: bool
    survived_count: int
    failed_count: int
    inbound_refreshes: bool | None
    keeps_ports: bool | None
    endpoint_independent: bool | None
    lets_in_others: bool | None


@dataclass(slots=True)
class NatTestsInfo:
    """What ``nat_uac_test`` of Kamailio and of OpenSIPS would find in the client's newest REGISTER:
    the sum of the bits that match, in each one's numbering."""

    subject: str
    kamailio: int
    opensips: int


@dataclass(slots=True)
class Estimates:
    """What was measured."""

    nat_lifetime: list[LifetimeInfo] = field(default_factory=list)
    registration_interval: list[RegistrationInfo] = field(default_factory=list)
    reachable: list[ReachableInfo] = field(default_factory=list)
    keepalives: list[KeepaliveInfo] = field(default_factory=list)
    nat_tests: list[NatTestsInfo] = field(default_factory=list)
    routers: list[RouterInfo] = field(default_factory=list)


@dataclass(slots=True)
class RecommendationInfo:
    """One option to change. Those of one rank belong together; rank 1 comes first."""

    rank: int
    where: str
    file: str | None
    section: str | None
    option: str
    current: str | None
    value: str
    unit: str | None
    addresses: list[str]
    forecast: str
    verify: str
    undo: str


@dataclass(slots=True)
class PairInfo:
    """Two sessions that were set beside each other, by client."""

    subject: str
    good_steps: int
    bad_steps: int
    differing_steps: int


@dataclass(slots=True)
class SideInfo:
    """One side of the first divergence."""

    source: str
    frame: int | None
    line: int | None
    time: str
    facts: dict[str, str]
    messages: list[str]


@dataclass(slots=True)
class DivergenceInfo:
    """The first step at which BAD went another way than GOOD."""

    step: str
    good: SideInfo
    bad: SideInfo


@dataclass(slots=True)
class DifferenceInfo:
    """``finding``: the one that it belongs to."""

    what: str
    good: str
    bad: str
    finding: str | None


@dataclass(slots=True)
class Comparison:
    """Only in ``compare``."""

    paired: list[PairInfo]
    first_divergence: DivergenceInfo | None
    differences: list[DifferenceInfo]


@dataclass(slots=True)
class OutlookInfo:
    """What would become of a client under one setting: ``reaches``, ``fails`` or ``undetermined``
    for the reply to its requests, the next request, audio (None: IAX2), the binding between two
    refreshes, and ``inward``: what it sends to the addresses that Asterisk writes (None: IAX2).
    ``recommended``: the least permissive under which everything but that reaches."""

    subject: str
    where: str
    setting: str
    reply: str
    request: str
    audio: str | None
    binding: str
    overall: str
    recommended: bool
    note: str
    inward: str | None = None


@dataclass(slots=True)
class CrossingInfo:
    """Two inputs that saw the same messages: ``near`` on the clients' side (or, for two at one
    place, the first). ``clock_ahead_s``: of the far one's clock. ``near_only_count`` and
    ``far_only_count``: seen at one place and not at the other, which was capturing.
    ``changed_fields`` None = not compared, as one of them doesn't show every byte."""

    near: str
    far: str
    same_place: bool
    clock_ahead_s: float
    matched_count: int
    near_only_count: int
    far_only_count: int
    changed_count: int | None
    changed_fields: list[str] | None


@dataclass(slots=True)
class Report:
    """The whole diagnosis. ``asterisk`` and ``driver``: what the settings were written for."""

    schema: str
    tool: dict[str, str]
    sources: list[SourceInfo]
    verdict: VerdictInfo
    findings: list[FindingInfo]
    undetermined: list[UndeterminedInfo]
    estimates: Estimates
    recommendations: list[RecommendationInfo]
    comparison: Comparison | None
    limits_hit: list[str]
    crossings: list[CrossingInfo] = field(default_factory=list)
    what_if: list[OutlookInfo] = field(default_factory=list)
    asterisk: str | None = None
    driver: str | None = None


@dataclass(slots=True)
class ConfChangeInfo:
    """A line of the administrator's own files that is changed, or (``added``) put behind ``line``.
    ``affects``: other peers that the change touches."""

    file: str
    line: int
    added: bool
    section: str
    option: str
    before: str | None
    value: str
    affects: list[str]


@dataclass(slots=True)
class ConfSettingInfo:
    """Of alternatives the setting that was taken."""

    file: str | None
    section: str | None
    option: str
    value: str


@dataclass(slots=True)
class ConfDefectInfo:
    """Something wrong in a file as such. ``refused``: Asterisk doesn't take the file for it."""

    code: str
    file: str
    line: int
    text: str
    refused: bool


@dataclass(slots=True)
class AdviseInfo:
    """What a diagnosis comes to in the administrator's own files (``advise`` in the report of
    ``sipdiag advise``). ``backups``: a changed file's name to where it is kept as it was. ``diff``
    applies with ``patch -p1``."""

    changes: list[ConfChangeInfo]
    chosen: list[ConfSettingInfo]
    already: list[str]
    contradictions: list[str]
    by_hand: list[str]
    notes: list[str]
    defects: list[ConfDefectInfo]
    backups: dict[str, str]
    diff: str
