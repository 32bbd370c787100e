"""One option to change, the Asterisk to change it in, and what collects several.

A recommendation is for one option in one file; those of the same rank belong together. Values
come from what was observed (``refresh_interval``); where a value is only usual practice, the
forecast says so. Nothing is recommended for a version that doesn't have it (chan_sip ended with
Asterisk 20; ``nat=force_rport,comedia`` is understood from 11 on).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sipdiag.asterisk.identify import AsteriskVersion
from sipdiag.asterisk.settings import OPTIONS
from sipdiag.findings.model import Finding


class Target(NamedTuple):
    """The Asterisk to write settings for. ``driver``: ``chan_sip`` or ``chan_pjsip``, None = it
    can't be told, so that both are shown."""

    version: AsteriskVersion | None
    driver: str | None

    @property
    def sip_drivers(self) -> tuple[str, ...]:
        """The ``where`` of SIP settings to show: from the version on in which chan_sip is gone
        (21) only pjsip, before pjsip came (12) only chan_sip."""
        if self.driver is not None:
            return ("pjsip",) if self.driver == "chan_pjsip" else ("chan_sip",)
        if self.version is not None and self.version.major >= 21:
            return ("pjsip",)
        if self.version is not None and self.version.major < 12:
            return ("chan_sip",)
        return ("chan_sip", "pjsip")

    @property
    def nat_value(self) -> str:
        """The ``nat=`` that does both of its halves whatever the packet says (chan_sip 11 to 20
        take a list; older ones know only ``yes``)."""
        old = self.version is not None and self.version.major < 11
        return "yes" if old else "force_rport,comedia"


class Recommendation(NamedTuple):
    """One option to change; the fields are those of the JSON report."""

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


class Plan:
    """Collects the recommendations for one finding."""

    def __init__(
        self, finding: Finding, target: Target, simulated: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.finding, self.target = finding, target
        self._simulated = simulated
        self.peer = finding.subject.ident.partition("/")[2]
        self.made: list[Recommendation] = []
        self._rank = 0

    def simulated(self, where: str, option: str, otherwise: str) -> str:
        """What the what-if simulation recommends for an option, or ``otherwise``."""
        return self._simulated.get(where, {}).get(option, otherwise)

    def next(self) -> None:
        """What follows is an alternative to what came before."""
        self._rank += 1

    def option(
        self, where: str, name: str, value: object, forecast: str, verify: str,
        current: str | None = None,
    ) -> None:  # fmt: skip
        """An option of Asterisk's."""
        option = OPTIONS[where, name]
        self.made.append(
            Recommendation(
                self._rank, where, option.file, option.section.format(peer=self.peer), name,
                current, str(value), option.unit, [self.finding.code], forecast, verify,
                f"put back what stood there, or nothing, then `{option.reload}`",
            )
        )  # fmt: skip

    def device(
        self, where: str, option: str, value: str, forecast: str, verify: str, undo: str,
        unit: str | None = None,
    ) -> None:  # fmt: skip
        """Something to do in the phone or the router."""
        self.made.append(
            Recommendation(
                self._rank, where, None, None, option, None, value, unit,
                [self.finding.code], forecast, verify, undo,
            )
        )  # fmt: skip
