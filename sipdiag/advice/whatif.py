"""What would Asterisk do under another setting, with the traffic that was seen?

Nothing here is a rule of thumb. For each setting it is worked out where Asterisk sends a reply, the
next request and audio, where the phone sends what it owes Asterisk, and how often the binding is
refreshed; then whether that gets through the NAT that was observed (``whatif_seen``). The rows are
those of Asterisk's own settings (``whatif_rows``) and of the phone and its router
(``whatif_devices``).
"""

from __future__ import annotations

from sipdiag.advice import whatif_rows
from sipdiag.advice.plan import Target
from sipdiag.advice.whatif_devices import devices
from sipdiag.advice.whatif_rows import recommended
from sipdiag.advice.whatif_seen import Answer, Outlook, Seen, seen_of

__all__ = ["Answer", "Outlook", "Seen", "outlooks", "recommended", "seen_of"]


def outlooks(seen: Seen, protocol: str, target: Target) -> list[Outlook]:
    """Every setting worth looking at: of each driver those that a recommendation is chosen from,
    the least permissive first, then what can be set besides; last the phone and the router."""
    rows: list[Outlook] = []
    if protocol == "IAX2":
        rows = whatif_rows.iax2(seen)
    else:
        for where in target.sip_drivers:
            own = where == "chan_sip"
            rows += whatif_rows.chan_sip(seen, target) if own else whatif_rows.pjsip(seen)
    return rows + devices(seen, rows)
