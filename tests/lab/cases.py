"""Case files: one TOML file per case, read into frozen values and checked while reading.

Contract: ``load(path)`` returns a :class:`Case` or raises :class:`CaseError` naming the file and
the key at fault. A case has two sides (``good`` and ``bad``) or one (``capture``). Tables given at
the top (``router``, ``server``, ``phone``, ``events``) hold for every side; a side's own tables
are laid over them key by key, its own ``events`` replace them.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CASES_DIR = Path(__file__).parent / "cases"
PAIR = ("good", "bad")
SINGLE = ("capture",)
ACTIONS = (
    "call",
    "wait",
    "wait-age",
    "wait-until",
    "wait-registered",
    "wait-first-registered",
    "power-off",
    "unregister",
    "restart-router",
    "hold",
    "dial",
)
ANSWERED = ("yes", "no", "late", "unsent")
PHONES = ("baresip", "asterisk-sip", "asterisk-iax2")
CHANNELS = ("chan_sip", "chan_pjsip", "chan_iax2")
KERNELS_SIP_TIMEOUT_S = 3600
RELEASES = {"16": "bullseye", "22": "sid"}

Table = Mapping[str, Any]


class CaseError(ValueError):
    """A case file that does not say what a case must say."""


@dataclass(frozen=True)
class Event:
    """One step of the script; which of the values count depends on ``do``."""

    do: str
    at_age_s: float | None = None
    answered: str = "yes"
    talk_s: float = 1.5
    ring_s: float = 20.0
    to: str = "101"
    seconds: float = 0.0
    count: int = 1
    snat: str = ""


@dataclass(frozen=True)
class Router:
    """The home router: its NAT, its timers and whether it meddles with SIP.

    ``sip_alg_timeout_s``: how long its SIP ALG holds a flow, 0 for the kernel's own hour.
    ``carrier_udp_timeout_s``: the UDP timers of a carrier's NAT behind it, 0 where there is none.
    """

    nat: str = "masquerade"
    udp_timeout_s: int = 300
    udp_timeout_stream_s: int = 300
    sip_alg: bool = False
    sip_alg_timeout_s: int = 0
    broken_alg: bool = False
    carrier_udp_timeout_s: int = 0

    @property
    def lifetime_s(self) -> float:
        """How long the mapping of a phone's signalling lives after a packet; endless under the
        broken ALG, which has none."""
        if self.broken_alg:
            return math.inf
        own = self.udp_timeout_stream_s
        if self.sip_alg:
            own = self.sip_alg_timeout_s or KERNELS_SIP_TIMEOUT_S
        return min(own, self.carrier_udp_timeout_s or own)


@dataclass(frozen=True)
class Phone:
    """The phone or phones; ``options`` go to the phone's own configuration as they are."""

    kind: str = "baresip"
    users: tuple[str, ...] = ("101",)
    password: str = "secret"
    public: bool = False
    tcp: bool = False
    codec: str = "gsm"
    stun: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """Asterisk's settings by section; ``dateformat`` is that of its log. ``build``: another chroot
    than the release's own, as ``patched`` for that of ``patched.py``."""

    general: Mapping[str, str] = field(default_factory=dict)
    peer: Mapping[str, str] = field(default_factory=dict)
    aor: Mapping[str, str] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)
    transport: Mapping[str, str] = field(default_factory=dict)
    dateformat: str = "%F %T.%3q"
    build: str = ""

    def suite(self, stock: str) -> str:
        """The name of the server's chroot, where the release's own is ``stock``."""
        return f"{stock}-{self.build}" if self.build else stock


@dataclass(frozen=True)
class Side:
    """One run of a case."""

    name: str
    story: str
    router: Router
    server: Server
    phone: Phone
    events: tuple[Event, ...]
    verdict: str
    expected: tuple[str, ...]
    forbidden: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A case: what is shared by its sides, and the sides."""

    name: str
    title: str
    story: str
    release: str
    channel: str
    sides: tuple[Side, ...]
    truth: Mapping[str, Any]
    notes: str

    @property
    def suite(self) -> str:
        """The Debian suite whose Asterisk runs this case."""
        return RELEASES[self.release]

    @property
    def port(self) -> int:
        """The server's signalling port."""
        return 4569 if self.channel == "chan_iax2" else 5060


def load(path: Path) -> Case:
    """Read one case file."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return _case(path.stem, raw)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise CaseError(f"{path.name}: {error}") from error


def load_all(names: list[str] | None = None) -> list[Case]:
    """Read the named cases, or all of them, in the order of their names."""
    found = {path.stem: path for path in sorted(CASES_DIR.glob("*.toml"))}
    unknown = sorted(set(names or []) - found.keys())
    if unknown:
        raise CaseError(f"no such case: {', '.join(unknown)}")
    return [load(found[name]) for name in (names or sorted(found))]


def calls(side: Side) -> Iterator[Event]:
    """The calls of a side, in order."""
    return (event for event in side.events if event.do in ("call", "hold"))


def _case(name: str, raw: Table) -> Case:
    names = SINGLE if "capture" in raw else PAIR
    known = {"title", "story", "asterisk", "channel", "router", "server", "phone", "events"}
    _only(raw, known | {"truth", "notes", *names}, "the case")
    release = _one_of(raw["asterisk"], tuple(RELEASES), "asterisk")
    channel = _one_of(raw["channel"], CHANNELS, "channel")
    return Case(
        name=name,
        title=str(raw["title"]),
        story=str(raw["story"]),
        release=release,
        channel=channel,
        sides=tuple(_side(side, raw, raw[side]) for side in names),
        truth=dict(raw.get("truth", {})),
        notes=str(raw.get("notes", "")).strip(),
    )


def _side(name: str, raw: Table, own: Table) -> Side:
    keys = {"router", "server", "phone", "events", "story", "verdict", "expected", "forbidden"}
    _only(own, keys, name)
    events = own.get("events", raw.get("events"))
    if not events:
        raise CaseError(f"{name} has no events")
    router = Router(**_over(raw, own, "router"))
    phone = dict(_over(raw, own, "phone"))
    phone["users"] = tuple(phone.get("users", ("101",)))
    _one_of(phone.get("kind", "baresip"), PHONES, "phone.kind")
    return Side(
        name=name,
        story=str(own.get("story", "")),
        router=router,
        server=Server(**_over(raw, own, "server")),
        phone=Phone(**phone),
        events=tuple(_event(event) for event in events),
        verdict=str(own["verdict"]),
        expected=tuple(own.get("expected", ())),
        forbidden=tuple(own.get("forbidden", ())),
    )


def _event(raw: Table) -> Event:
    event = Event(**raw)
    _one_of(event.do, ACTIONS, "do")
    _one_of(event.answered, ANSWERED, "answered")
    return event


def _over(raw: Table, own: Table, key: str) -> dict[str, Any]:
    """The shared table with the side's own laid over it, two levels deep."""
    merged: dict[str, Any] = dict(raw.get(key, {}))
    for name, value in own.get(key, {}).items():
        base = merged.get(name)
        both = isinstance(base, dict) and isinstance(value, dict)
        merged[name] = {**base, **value} if both and isinstance(base, dict) else value
    return merged


def _only(table: Table, known: set[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise CaseError(f"{where}: unknown key {', '.join(unknown)}")


def _one_of(value: Any, known: tuple[str, ...], key: str) -> str:
    if value not in known:
        raise CaseError(f"{key} is {value!r}, not one of {', '.join(known)}")
    return str(value)
