"""Which ALG it looks like, by the set of fields that it changed.

Sure is only FortiGate's ``i=(o=IN IP4 <private>)`` line, which nothing else writes. Everything else
"looks like": an ALG that nobody described may change the same fields.

Sources: Linux net/netfilter/nf_nat_sip.c; Fortinet, "How the SIP ALG translates IP addresses in the
SIP headers"; Juniper, Concepts & Examples ScreenOS, SIP ALG.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple


class Fingerprint(NamedTuple):
    """``name``: of the ALG. ``certain``: nothing else does this. ``because``: a phrase."""

    name: str
    certain: bool
    because: str

    @property
    def says(self) -> str:
        """The phrase for a report: ``looks like ...``, or ``is ...`` where it is certain."""
        return f"{'is' if self.certain else 'looks like'} {self.name} ({self.because})"


_FORTIGATE = "FortiGate's SIP ALG"
_NETFILTER = "the SIP helper of Linux (nf_nat_sip), which most home routers have"
_SCREENOS = "Juniper ScreenOS's SIP ALG"

_NETFILTER_MAPS = frozenset(
    {"Via", "Contact", "Request-URI", "From", "To", "Content-Length"}
    | {f"SDP {kind}=" for kind in "ocm"}
)
"""All that it can change: Via, Contact, Request-URI and SDP's o=, c= and m= wherever the address
is that of the connection, From and To only where they are numeric."""

_ROUTES = frozenset({"Route", "Record-Route"})


def of_changes(changed: Collection[str], information: str = "") -> Fingerprint | None:
    """By the fields in which the phone's own requests differ on both sides of the router, as
    ``flows.sightings.changes_of`` names them (in what comes back, To and From change sides).
    ``information``: the value of an SDP i= line that was added on the way, or "". None: no ALG that
    we know changes this set.

    >>> of_changes({"Via", "Contact", "SDP c=", "SDP o=", "Content-Length"}).says[:31]
    'looks like the SIP helper of Li'
    """
    fields = set(changed)
    if _nat_trace(information):
        return Fingerprint(_FORTIGATE, True, f"it adds the line i={information}")
    if not fields & {"Via", "Contact", "SDP c=", "SDP o="}:
        return None
    if "Call-ID" in fields:
        if "To" in fields:
            why = (
                "it changes Call-ID, From and To" if "From" in fields else "it changes Call-ID, To"
            )
            return Fingerprint(_SCREENOS, False, why)
        if "From" in fields:
            return Fingerprint(_FORTIGATE, False, "it changes Call-ID and From, and not To")
        return None
    if fields & _ROUTES:
        return None
    half = ("SDP c=" in fields) != ("SDP o=" in fields)
    if {"Via", "Contact"} <= fields <= _NETFILTER_MAPS and not half:
        what = "Via, Contact and SDP" if "SDP c=" in fields else "Via and Contact"
        return Fingerprint(_NETFILTER, False, f"it changes {what}, and not the Call-ID")
    return None


def of_residue(call_id_host: str | None, information: str = "") -> Fingerprint | None:
    """By what is left of the private address in messages whose Via and Contact are public, seen
    from the server alone. ``call_id_host``: the private host of the Call-ID, or None. This never
    says that there is an ALG (a phone with STUN leaves the same residue), only which it would be.
    """
    if _nat_trace(information):
        return Fingerprint(_FORTIGATE, True, f"the SDP has the line i={information}")
    if call_id_host is not None:
        return Fingerprint(_NETFILTER, False, "the Call-ID still has the private address")
    return None


def _nat_trace(information: str) -> bool:
    """``(o=IN IP4 192.168.1.50)``: FortiGate's ``nat-trace``, on by default."""
    return information.startswith("(o=IN IP") and information.endswith(")")
