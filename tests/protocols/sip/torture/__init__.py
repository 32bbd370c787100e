"""The torture messages of RFC 4475 (SIP) and RFC 5118 (SIP with IPv6), where they lie.

They are nobody's of the project, so they aren't in it: they are read from ``../shared/data`` beside
the checkout. Without that folder the tests that need them skip.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ARCHIVE = Path(__file__).parents[5] / "shared" / "data"


class Torture(NamedTuple):
    """One message: the RFC, its section, its name (RFC 5118 has none: ours, by its subject)."""

    rfc: int
    section: str
    name: str

    @property
    def data(self) -> bytes:
        """Its bytes. Raises ``OSError`` where the archive isn't there."""
        if self.rfc == 4475:
            return (ARCHIVE / "rfc4475" / f"{self.name}.dat").read_bytes()
        # The archive's copy of section 4.5.2 has stray blanks which the RFC doesn't have.
        found = (ARCHIVE / "rfc5118" / f"{self.section}.sip").read_bytes()
        return re.sub(rb"(?<=\w) @|(?<=;) (?=tag)", _unspaced, found)


def _unspaced(match: re.Match[bytes]) -> bytes:
    return match[0].strip()


_RFC4475 = (
    ("3.1.1.1", "wsinv"), ("3.1.1.2", "intmeth"), ("3.1.1.3", "esc01"), ("3.1.1.4", "escnull"),
    ("3.1.1.5", "esc02"), ("3.1.1.6", "lwsdisp"), ("3.1.1.7", "longreq"), ("3.1.1.8", "dblreq"),
    ("3.1.1.9", "semiuri"), ("3.1.1.10", "transports"), ("3.1.1.11", "mpart01"),
    ("3.1.1.12", "unreason"), ("3.1.1.13", "noreason"), ("3.1.2.1", "badinv01"),
    ("3.1.2.2", "clerr"), ("3.1.2.3", "ncl"), ("3.1.2.4", "scalar02"), ("3.1.2.5", "scalarlg"),
    ("3.1.2.6", "quotbal"), ("3.1.2.7", "ltgtruri"), ("3.1.2.8", "lwsruri"),
    ("3.1.2.9", "lwsstart"), ("3.1.2.10", "trws"), ("3.1.2.11", "escruri"),
    ("3.1.2.12", "baddate"), ("3.1.2.13", "regbadct"), ("3.1.2.14", "badaspec"),
    ("3.1.2.15", "baddn"), ("3.1.2.16", "badvers"), ("3.1.2.17", "mismatch01"),
    ("3.1.2.18", "mismatch02"), ("3.1.2.19", "bigcode"), ("3.2.1", "badbranch"),
    ("3.3.1", "insuf"), ("3.3.2", "unkscm"), ("3.3.3", "novelsc"), ("3.3.4", "unksm2"),
    ("3.3.5", "bext01"), ("3.3.6", "invut"), ("3.3.7", "regaut01"), ("3.3.8", "multi01"),
    ("3.3.9", "mcl01"), ("3.3.10", "bcast"), ("3.3.11", "zeromf"), ("3.3.12", "cparam01"),
    ("3.3.13", "cparam02"), ("3.3.14", "regescrt"), ("3.3.15", "sdp01"), ("3.4.1", "inv2543"),
)  # fmt: skip
_RFC5118 = (
    ("4.1", "ipv6-good"), ("4.2", "ipv6-bad"), ("4.3", "port-ambiguous"),
    ("4.4", "port-unambiguous"), ("4.5.1", "via-received-param-with-delim"),
    ("4.5.2", "via-received-param-no-delim"), ("4.6", "ipv6-in-sdp"),
    ("4.7", "mult-ip-in-header"), ("4.8", "mult-ip-in-sdp"), ("4.9", "ipv4-mapped-ipv6"),
    ("4.10.1", "ipv6-bug-abnf-3-colons"), ("4.10.2", "ipv6-correct-abnf-2-colons"),
)  # fmt: skip

RFC4475 = tuple(Torture(4475, section, name) for section, name in _RFC4475)
RFC5118 = tuple(Torture(5118, section, name) for section, name in _RFC5118)
MESSAGES = (*RFC4475, *RFC5118)
"""All of them."""
