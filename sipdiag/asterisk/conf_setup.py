"""A whole configuration directory: every peer and endpoint with the options that it really has.

One ``Entity`` a chan_sip peer, PJSIP endpoint (with its AORs, auths and transport, a wizard's
parts expanded) and IAX2 peer. Each answers for an option with its value, and with the line that
sets it, wherever that is: its own section, a template, ``[general]``, or none (Asterisk's default).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sipdiag.asterisk.conf import ConfDefect, Config, Section, Setting, load
from sipdiag.asterisk.conf_files import ConfDir, ConfFile
from sipdiag.asterisk.conf_values import (
    DEFAULT_MAX_MS,
    NatMode,
    default_nat,
    max_ms,
    nat_mode,
)
from sipdiag.asterisk.identify import AsteriskVersion

FILES = ("sip.conf", "pjsip.conf", "pjsip_wizard.conf", "iax.conf", "rtp.conf")

DEFAULTS: dict[str, dict[str, str]] = {
    "chan_sip": {
        "qualify": "no", "qualifyfreq": "60", "keepalive": "no", "minexpiry": "60",
        "maxexpiry": "3600", "defaultexpiry": "120", "directmedia": "yes",
    },
    "endpoint": {
        "force_rport": "yes", "rewrite_contact": "no", "rtp_symmetric": "no",
        "direct_media": "yes", "ice_support": "no",
    },
    "aor": {
        "qualify_frequency": "0", "qualify_timeout": "3.0", "minimum_expiration": "60",
        "maximum_expiration": "7200", "default_expiration": "3600", "max_contacts": "0",
        "remove_existing": "no",
    },
    "transport": {"protocol": "udp"},
    "iax2": {
        "qualify": "no", "qualifyfreqok": "60000", "qualifyfreqnotok": "10000",
        "minregexpire": "60", "maxregexpire": "60",
    },
}  # fmt: skip
"""Asterisk's own value where nothing is written; what isn't here has none. The units are those of
``sipdiag.asterisk.settings``."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "externaddr": ("externaddr", "externip"),
    "directmedia": ("directmedia", "canreinvite"),
    "defaultexpiry": ("defaultexpiry", "defaultexpirey"),
    "maxexpiry": ("maxexpiry", "maxexpirey"),
}
"""Other names that chan_sip takes for an option."""


GENERAL_ONLY: dict[str, frozenset[str]] = {
    "chan_sip": frozenset(
        {"minexpiry", "maxexpiry", "defaultexpiry", "externaddr", "externhost", "localnet"}
    ),
    "iax2": frozenset({"minregexpire", "maxregexpire"}),
}
"""Options that count in ``[general]`` only; in a peer's section they are passed over."""

_PEER_ONLY: dict[str, frozenset[str]] = {
    "chan_sip": frozenset({"host", "secret", "md5secret", "type"}),
    "iax2": frozenset({"host", "secret", "type", "qualify", "qualifyfreqok", "qualifyfreqnotok"}),
}
"""And those that ``[general]`` has no say in."""


class Effective(NamedTuple):
    """What counts: ``setting`` None = nothing is written, ``value`` is Asterisk's default (""
    where it has none). ``section``: where the setting counts from, not where it is inherited."""

    value: str
    setting: Setting | None = None
    section: Section | None = None

    @property
    def written(self) -> bool:
        """Whether a line sets it."""
        return self.setting is not None


@dataclass(slots=True, eq=False)
class Part:
    """One object: a section, and the prefix that its options have there (a wizard's ``aor/``).
    ``kind``: ``endpoint``, ``aor``, ``auth``, ``transport``, ``chan_sip`` or ``iax2``."""

    kind: str
    section: Section
    prefix: str = ""
    plain: tuple[str, ...] = ()
    """Options that stand there without the prefix."""

    def spelt(self, name: str) -> tuple[str, ...]:
        """The option's names in the section."""
        if name in self.plain:
            return (name,)
        return tuple(self.prefix + each for each in SYNONYMS.get(name, (name,)))

    def find(self, name: str) -> Setting | None:
        """The setting that counts (the last)."""
        return self.section.last(*self.spelt(name))

    def all(self, name: str) -> list[Setting]:
        """Every setting of a repeatable option."""
        return [s for each in self.spelt(name) for s in self.section.all(each)]


@dataclass(slots=True, eq=False)
class Entity:
    """A client as the configuration has it. ``where`` as in recommendations: ``chan_sip``,
    ``pjsip``, ``iax2``; ``parts`` in the order in which they are asked, the own one first."""

    where: str
    name: str
    parts: list[Part]
    file: str
    version: AsteriskVersion | None = None

    def get(self, name: str, kind: str | None = None) -> Effective:
        """An option as it counts for this client."""
        for part in self._asked(name):
            if kind is None or part.kind == kind:
                setting = part.find(name)
                if setting is not None:
                    return Effective(setting.value, setting, part.section)
        for group in dict.fromkeys(p.kind for p in self.parts):
            if (kind is None or group == kind) and name in DEFAULTS.get(group, {}):
                return Effective(DEFAULTS[group][name])
        if name == "nat" and self.where == "chan_sip":
            return Effective(default_nat(self.version))
        return Effective("")

    def nat(self) -> NatMode:
        """What ``nat`` comes to (chan_sip). A peer's lines count together, and if it has any,
        those of ``[general]`` don't."""
        for part in self.parts:
            if lines := part.all("nat"):
                return nat_mode(*(s.value for s in lines), version=self.version)
        return nat_mode(default_nat(self.version), version=self.version)

    def max_ms(self) -> int:
        """``qualify`` in ms, 0 = off (chan_sip, IAX2)."""
        value = self.get("qualify").value
        if self.where == "chan_sip" and self.parts[-1] is not self.parts[0]:
            general = self.parts[-1].find("qualify")
            return max_ms(
                value, max_ms(general.value) or DEFAULT_MAX_MS if general else DEFAULT_MAX_MS
            )
        return max_ms(value)

    def _asked(self, name: str) -> list[Part]:
        if name in GENERAL_ONLY.get(self.where, ()):
            return [p for p in self.parts if p.section.name.lower() == "general"]
        if name in _PEER_ONLY.get(self.where, ()):
            return [p for p in self.parts if p.section.name.lower() != "general"]
        return self.parts

    def part(self, kind: str) -> Part | None:
        """Its first part of a kind."""
        return next((p for p in self.parts if p.kind == kind), None)

    @property
    def own(self) -> Section:
        """The client's own section."""
        return self.parts[0].section

    @property
    def registers(self) -> bool:
        """Whether it comes by itself rather than being at a written address."""
        if self.where == "pjsip":
            aors = [p for p in self.parts if p.kind == "aor"]
            return any(not p.find("contact") for p in aors) and bool(aors)
        return self.get("host").value.lower() == "dynamic"


@dataclass(slots=True, eq=False)
class Setup:
    """Everything that was read. ``entities`` in the order of their files."""

    folder: ConfDir
    version: AsteriskVersion | None
    configs: dict[str, Config] = field(default_factory=dict)
    entities: list[Entity] = field(default_factory=list)
    objects: list[Part] = field(default_factory=list)
    """Of PJSIP: endpoints, AORs, auths, transports, ``global`` and the like."""

    @property
    def files(self) -> dict[str, ConfFile]:
        """Every file read, by name."""
        return {n: f for config in self.configs.values() for n, f in config.files.items()}

    @property
    def defects(self) -> list[ConfDefect]:
        """Of all files, each once."""
        return list(dict.fromkeys(d for c in self.configs.values() for d in c.defects))

    def of(self, where: str, name: str | None = None) -> list[Entity]:
        """The clients of a driver; of those called ``name`` without regard to case, as Asterisk."""
        return [
            e
            for e in self.entities
            if e.where == where and (name is None or e.name.lower() == name.lower())
        ]

    def find(self, where: str, name: str) -> Entity | None:
        """The client of a name."""
        found = self.of(where, name)
        return found[-1] if found else None

    def general(self, where: str) -> Entity | None:
        """``[general]`` of sip.conf or iax.conf as an entity of its own; None without the file."""
        file = {"chan_sip": "sip.conf", "iax2": "iax.conf"}[where]
        section = self.section(file, "general")
        if section is None:
            return None
        return Entity(where, "general", [Part(where, section)], file, self.version)

    def section(self, file: str, name: str) -> Section | None:
        """The first section of a name."""
        config = self.configs.get(file)
        return config.first(name) if config else None


def read_setup(folder: ConfDir, version: AsteriskVersion | None = None) -> Setup:
    """Reads a configuration directory; content never raises. ``version`` None = not known, read
    as 11 or later."""
    setup = Setup(folder, version)
    for name in FILES:
        config = load(folder, name)
        if config is not None:
            setup.configs[name] = config
    _add_sip(setup)
    _add_pjsip(setup)
    _add_iax(setup)
    return setup


def _add_sip(setup: Setup) -> None:
    _add_flat(setup, "chan_sip", "sip.conf", ("general", "authentication"))


def _add_iax(setup: Setup) -> None:
    _add_flat(setup, "iax2", "iax.conf", ("general", "callnumberlimits"))


def _add_flat(setup: Setup, where: str, file: str, reserved: tuple[str, ...]) -> None:
    """Of two sections of one name the later goes before the earlier, option by option (16, tried
    out)."""
    config = setup.configs.get(file)
    if config is None:
        return
    general = config.first("general")
    defaults = [Part(where, general)] if general is not None else []
    named: dict[str, Entity] = {}
    for section in config.sections:
        kind = section.first("type")
        if section.template or section.name.lower() in reserved or kind is None:
            continue
        if kind.value.lower() in ("peer", "friend", "user"):
            same = named.get(section.name.lower())
            if same is not None:
                same.parts.insert(0, Part(where, section))
                continue
            parts = [Part(where, section), *defaults]
            entity = Entity(where, section.name, parts, file, setup.version)
            setup.entities.append(entity)
            named[section.name.lower()] = entity


def _add_pjsip(setup: Setup) -> None:
    parts = [*_objects(setup.configs.get("pjsip.conf"))]
    parts += _wizards(setup.configs.get("pjsip_wizard.conf"))
    setup.objects = parts
    by_kind: dict[str, dict[str, Part]] = {}
    for part in parts:
        known = by_kind.setdefault(part.kind, {})
        if part.section.name.lower() in known and not part.prefix:
            text = (
                f"two sections of this name and type={part.kind}: Asterisk loads none of the type"
            )
            defect = ConfDefect("duplicate", text, part.section.place, refused=True)
            setup.configs["pjsip.conf"].note(defect)
        known.setdefault(part.section.name.lower(), part)
    for endpoint in parts:
        if endpoint.kind == "endpoint":
            linked = [
                found
                for kind, names in _links(endpoint)
                for name in names
                if (found := by_kind.get(kind, {}).get(name.lower())) is not None
            ]
            name = endpoint.section.name
            file = "pjsip_wizard.conf" if endpoint.prefix else "pjsip.conf"
            setup.entities.append(Entity("pjsip", name, [endpoint, *linked], file, setup.version))


def _links(endpoint: Part) -> Iterable[tuple[str, Sequence[str]]]:
    if endpoint.prefix:
        yield "aor", [endpoint.section.name]
        yield "auth", [endpoint.section.name]
    else:
        yield "aor", _listed(endpoint.find("aors"))
        yield "auth", _listed(endpoint.find("auth"))
    yield "transport", _listed(endpoint.find("transport"))


def _listed(setting: Setting | None) -> list[str]:
    return [word.strip() for word in setting.value.split(",")] if setting else []


_OBJECTS = ("endpoint", "aor", "auth", "transport", "global", "system", "identify", "registration")


def _objects(config: Config | None) -> Iterable[Part]:
    for section in config.sections if config else []:
        kind = section.last("type")
        if not section.template and kind is not None and kind.value.lower() in _OBJECTS:
            yield Part(kind.value.lower(), section)


def _wizards(config: Config | None) -> Iterable[Part]:
    """res_pjsip_config_wizard.c: ``endpoint/x`` is option x of the endpoint that it makes."""
    for section in config.sections if config else []:
        kind = section.last("type")
        if section.template or kind is None or kind.value.lower() != "wizard":
            continue
        shared = ("transport", "outbound_proxy", "remote_hosts")
        yield Part("endpoint", section, "endpoint/", shared)
        yield Part("aor", section, "aor/", ("outbound_proxy",))
        yield Part("auth", section, "inbound_auth/")
