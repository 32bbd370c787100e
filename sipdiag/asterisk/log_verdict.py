"""Asterisk's own verdicts: the lines of a log that say what became of a phone.

Contract: a table as data (``VERDICTS``), and ``verdict`` for one message; nothing raises on
content. A message is given without prefix and without its verbosity mark (``--``, ``==``).

Named groups: ``user`` and ``addr`` (or ``ip`` and ``port``) become the event's; every other one a
param of the same name, those that end in ``_s``, ``_ms`` or ``_count`` as numbers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import NamedTuple

from sipdiag.asterisk.log_dump import parse_address
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.logevent import EventKind, Param


class Verdict(NamedTuple):
    """A line's pattern. ``start``: the words that every such line begins with; ``versions``:
    the releases of Asterisk that print it."""

    start: bytes
    pattern: re.Pattern[bytes]
    kind: EventKind
    versions: str
    params: dict[str, Param]


_K = EventKind
_ADDR = rb"(?P<addr>\[[^\]\s]+\]:\d{1,5}|[\d.]{7,15}:\d{1,5}|[\d.]{7,15}|[0-9a-fA-F:.]{3,45})"


def _row(start: bytes, rest: bytes, kind: EventKind, versions: str, **params: Param) -> Verdict:
    return Verdict(start, re.compile(re.escape(start) + rest, re.DOTALL), kind, versions, params)


VERDICTS: tuple[Verdict, ...] = (
    # chan_sip: registration
    _row(
        b"Registered SIP '",
        rb"(?P<user>[^'\n]*)' at (?P<ip>\S+) port (?P<port>\d{1,5})"
        rb"(?: expires (?P<expires_s>\d+))?",
        _K.REGISTERED, "1.0 - 1.6.2", driver="chan_sip",
    ),
    _row(
        b"Registered SIP '", rb"(?P<user>[^'\n]*)' at " + _ADDR,
        _K.REGISTERED, "1.8 - 20", driver="chan_sip",
    ),
    _row(
        b"Unregistered SIP '", rb"(?P<user>[^'\n]*)'",
        _K.UNREGISTERED, "1.0 - 20", driver="chan_sip",
    ),
    _row(
        b"Registration from '",
        rb"(?P<from>[^\n]*?)' failed for '" + _ADDR + rb"'(?: - (?P<reason>[^\n]*))?",
        _K.REGISTRATION_FAILED, "1.0 - 20", driver="chan_sip",
    ),
    # chan_sip and chan_iax2: qualify
    _row(
        b"Peer '", rb"(?P<user>[^'\n]*)' is now UNREACHABLE!(?:  Last qualify: (?P<last_ms>-?\d+))?"
        rb"(?: Time: (?P<time_ms>-?\d+))?",
        _K.UNREACHABLE, "1.0 - 23",
    ),
    _row(
        b"Peer '",
        rb"(?P<user>[^'\n]*)' is now (?:TOO LAGGED|Lagged)[.!]?(?: ?\((?P<rtt_ms>\d+) ?ms)?",
        _K.LAGGED, "1.0 - 23",
    ),
    _row(
        b"Peer '", rb"(?P<user>[^'\n]*)' is now (?:REACHABLE!|Reachable\.)"
        rb"(?: \((?P<rtt_ms>\d+)ms / (?P<limit_ms>\d+)ms\)| Time: (?P<time_ms>\d+))?",
        _K.REACHABLE, "1.0 - 23",
    ),
    _row(
        b"Peer '", rb"(?P<user>[^'\n]*)' is not dynamic \(from (?P<addr>[^)\s]+)\)",
        _K.REGISTRATION_FAILED, "1.0 - 23", driver="chan_iax2", reason="peer is not dynamic",
    ),
    # chan_sip: retransmission
    _row(
        b"Maximum retries exceeded on ", rb"(?:call|transmission) (?P<call_id>\S+) for seqno "
        rb"(?P<seqno_count>\d+) \((?P<what>[^)\n]*)\)",
        _K.RETRANSMISSION_TIMEOUT, "1.0 - 1.6.2", driver="chan_sip",
    ),
    _row(
        b"Retransmission timeout reached on transmission ",
        rb"(?P<call_id>\S+) for seqno (?P<seqno_count>\d+) \((?P<what>[^)\n]*)\)"
        rb"(?:[^\n]*\n\s*(?:\[[^\]\n]*\] )?Packet timed out after (?P<after_ms>\d+)ms)?",
        _K.RETRANSMISSION_TIMEOUT, "1.8 - 20", driver="chan_sip",
    ),
    _row(
        b"Hanging up call ", rb"(?P<call_id>\S+) - no reply to our critical packet",
        _K.NO_REPLY, "1.2 - 20", driver="chan_sip",
    ),
    _row(
        b"Timeout on ", rb"(?P<call_id>\S+) on non-critical invite transaction",
        _K.NO_REPLY, "1.6 - 20", driver="chan_sip",
    ),
    _row(
        b"Session-Timer expired - ", rb"(?P<call_id>\S+)",
        _K.SESSION_TIMER_EXPIRED, "1.6 - 20", driver="chan_sip",
    ),
    _row(
        b"Got SIP response ", rb'(?P<status>\d{3}) "(?P<reason>[^\n]*)" back from ' + _ADDR,
        _K.SIP_ERROR, "1.0 - 20", driver="chan_sip",
    ),
    _row(
        b"Incoming call: Got SIP response ",
        rb'(?P<status>\d{3}) "(?P<reason>[^\n]*)" back from ' + _ADDR,
        _K.SIP_ERROR, "1.0 - 20", driver="chan_sip",
    ),
    # chan_sip: its own registrations
    _row(
        b"Registration for '", rb"(?P<user>[^'\n]*)' timed out, trying again "
        rb"\(Attempt #(?P<attempt_count>\d+)\)",
        _K.OUTBOUND_TIMEOUT, "1.2 - 20", driver="chan_sip",
    ),
    _row(
        b"Last Registration Attempt #",
        rb"(?P<attempt_count>\d+) failed, Giving up forever trying to register '(?P<user>[^'\n]*)'",
        _K.OUTBOUND_FAILED, "1.8 - 20", driver="chan_sip",
    ),
    _row(
        b"Giving up forever trying to register '", rb"(?P<user>[^'\n]*)'",
        _K.OUTBOUND_FAILED, "1.2 - 1.6.2", driver="chan_sip",
    ),
    _row(
        b"Outbound Registration: Expiry for ", rb"(?P<user>\S+) is (?P<expires_s>\d+) sec "
        rb"\(Scheduling reregistration in (?P<next_s>\d+) s\)",
        _K.OUTBOUND_REGISTERED, "1.2 - 20", driver="chan_sip",
    ),
    _row(
        b"Got 423 Interval too brief for service ",
        rb"(?P<user>\S+), minimum is (?P<minimum_s>\d+) seconds",
        _K.REGISTRATION_CLAMPED, "1.6 - 20", driver="chan_sip",
    ),
    _row(
        b"Required expiration time from ", rb"(?P<user>\S+) is too high, giving up",
        _K.OUTBOUND_FAILED, "1.6 - 20", driver="chan_sip",
    ),
    _row(
        b"Disconnecting call '",
        rb"(?P<channel>[^'\n]*)' for lack of RTP activity in (?P<silent_s>\d+) seconds",
        _K.NO_RTP, "1.0 - 20", driver="chan_sip",
    ),
    _row(
        b"SIP, got a network change message", rb"", _K.NETWORK_CHANGED, "1.8 - 20",
        driver="chan_sip",
    ),
    # res_pjsip
    _row(
        b"Added contact '", rb"(?P<contact>[^'\n]*)' to AOR '(?P<user>[^'\n]*)' with expiration of "
        rb"(?P<expires_s>\d+) seconds",
        _K.CONTACT_ADDED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Refreshed contact '", rb"(?P<contact>[^'\n]*)' on AOR '(?P<user>[^'\n]*)' with new "
        rb"expiration of (?P<expires_s>\d+) seconds",
        _K.CONTACT_REFRESHED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Removed contact '",
        rb"(?P<contact>[^'\n]*)' from AOR '(?P<user>[^'\n]*)' due to (?P<reason>expiration)",
        _K.EXPIRED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Removed contact '",
        rb"(?P<contact>[^'\n]*)' from AOR '(?P<user>[^'\n]*)' due to (?P<reason>request)",
        _K.UNREGISTERED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Removed contact '",
        rb"(?P<contact>[^'\n]*)' from AOR '(?P<user>[^'\n]*)' due to (?P<reason>[a-z_ ]+)",
        _K.CONTACT_REMOVED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Attempted to remove non-existent contact '",
        rb"(?P<contact>[^'\n]*)' from AOR '(?P<user>[^'\n]*)' by request",
        _K.UNREGISTERED, "12 - 23", driver="chan_pjsip", reason="non-existent contact",
    ),
    _row(
        b"Contact ", rb"(?P<user>[^/\n]*)/(?P<contact>\S+) is now (?P<status>Unreachable)\."
        rb"(?:  RTT: (?P<rtt_ms>\d+(?:\.\d+)?) msec)?",
        _K.UNREACHABLE, "13.5 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Contact ", rb"(?P<user>[^/\n]*)/(?P<contact>\S+) is now (?P<status>Reachable)\."
        rb"(?:  RTT: (?P<rtt_ms>\d+(?:\.\d+)?) msec)?",
        _K.REACHABLE, "13.5 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Contact ", rb"(?P<user>[^/\n]*)/(?P<contact>\S+) is now (?P<status>\w+)\."
        rb"(?:  RTT: (?P<rtt_ms>\d+(?:\.\d+)?) msec)?",
        _K.CONTACT_STATUS, "13.5 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Contact ", rb"(?P<user>[^/\n]*)/(?P<contact>\S+) has been (?P<status>created|deleted)",
        _K.CONTACT_STATUS, "13.4 - 15", driver="chan_pjsip",
    ),
    _row(
        b"Endpoint ", rb"(?P<user>\S+) is now Unreachable",
        _K.UNREACHABLE, "13.5 - 23", driver="chan_pjsip", scope="endpoint",
    ),
    _row(
        b"Endpoint ", rb"(?P<user>\S+) is now Reachable",
        _K.REACHABLE, "13.5 - 23", driver="chan_pjsip", scope="endpoint",
    ),
    _row(
        b"Request '", rb"(?P<method>[A-Z]+)' from '(?P<from>[^\n]*?)' failed for '" + _ADDR
        + rb"' \(callid: (?P<call_id>[^)\n]*)\) - (?P<reason>[A-Z][A-Za-z ]*?)"
        rb"(?: after (?P<tries_count>\d+) tries in (?P<within_ms>\d+(?:\.\d+)?) ms)?$",
        _K.AUTHENTICATION_FAILED, "13 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Request from '", rb"(?P<from>[^\n]*?)' failed for '" + _ADDR
        + rb"' \(callid: (?P<call_id>[^)\n]*)\) - (?P<reason>[^\n]*)",
        _K.AUTHENTICATION_FAILED, "12", driver="chan_pjsip",
    ),
    _row(
        b"Registration attempt from endpoint '",
        rb"(?P<user>[^'\n]*)'(?: \((?P<addr>[^)\s]+)\))? to AOR '(?P<aor>[^'\n]*)' will exceed max "
        rb"contacts of (?P<limit_count>\d+)",
        _K.MAX_CONTACTS, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"No response received from '", rb"(?P<server>[^'\n]*)' on registration attempt to "
        rb"'(?P<user>[^'\n]*)', retrying in '(?P<next_s>\d+)'",
        _K.OUTBOUND_TIMEOUT, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Temporal response '", rb"(?P<status>\d+)' received from '(?P<server>[^'\n]*)' on "
        rb"registration attempt to '(?P<user>[^'\n]*)', retrying in '(?P<next_s>\d+)'",
        _K.OUTBOUND_FAILED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Maximum retries reached when attempting outbound registration to '",
        rb"(?P<server>[^'\n]*)' with client '(?P<user>[^'\n]*)'",
        _K.OUTBOUND_FAILED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Fatal response '", rb"(?P<status>\d+)' received from '(?P<server>[^'\n]*)' on "
        rb"registration attempt to '(?P<user>[^'\n]*)'",
        _K.OUTBOUND_FAILED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"403 Forbidden fatal response received from '",
        rb"(?P<server>[^'\n]*)' on registration attempt to '(?P<user>[^'\n]*)'",
        _K.OUTBOUND_FAILED, "12 - 23", driver="chan_pjsip", status="403",
    ),
    _row(
        b"Outbound registration to '",
        rb"(?P<server>[^'\n]*)' with client '(?P<user>[^'\n]*)' successful",
        _K.OUTBOUND_REGISTERED, "12 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Scheduling outbound registration to server '",
        rb"(?P<server>[^'\n]*)' from client '(?P<user>[^'\n]*)' in (?P<next_s>\d+) seconds",
        _K.OUTBOUND_REGISTERED, "13 - 23", driver="chan_pjsip",
    ),
    _row(
        b"Disconnecting channel '", rb"(?P<channel>[^'\n]*)' for lack of (?:(?P<media>\w+) )?RTP "
        rb"activity in (?P<silent_s>\d+) seconds",
        _K.NO_RTP, "13 - 23", driver="chan_pjsip",
    ),
    # chan_iax2
    _row(
        b"Registered IAX2 '", rb"(?P<user>[^'\n]*)' \((?P<how>\w+)\) at " + _ADDR,
        _K.REGISTERED, "1.2 - 23", driver="chan_iax2",
    ),
    _row(
        b"Registered '", rb"(?P<user>[^'\n]*)' \((?P<how>\w+)\) at " + _ADDR,
        _K.REGISTERED, "1.0", driver="chan_iax2",
    ),
    _row(
        b"Unregistered IAX2 '", rb"(?P<user>[^'\n]*)' \((?P<how>\w+)\)",
        _K.UNREGISTERED, "1.2 - 23", driver="chan_iax2",
    ),
    _row(
        b"Registered IAX2 to '", rb"(?P<server>[^'\n]*)', who sees us as " + _ADDR,
        _K.OUTBOUND_REGISTERED, "1.2 - 23", driver="chan_iax2",
    ),
    _row(
        b"Registered to '", rb"(?P<server>[^'\n]*)', who sees us as " + _ADDR,
        _K.OUTBOUND_REGISTERED, "1.0", driver="chan_iax2",
    ),
    _row(
        b"Expiring registration for peer '", rb"(?P<user>[^'\n]*)'",
        _K.EXPIRED, "1.2 - 23", driver="chan_iax2",
    ),
    _row(
        b"Seeding '", rb"(?P<user>[^'\n]*)' at " + _ADDR + rb" for (?P<expires_s>\d+)",
        _K.REGISTERED, "1.2 - 23", driver="chan_iax2", how="seeded",
    ),
    _row(
        b"Restricting registration for peer '",
        rb"(?P<user>[^'\n]*)' to (?P<granted_s>\d+) seconds \(requested (?P<asked_s>\d+)\)",
        _K.REGISTRATION_CLAMPED, "1.2 - 23", driver="chan_iax2",
    ),
    _row(
        b"Max retries exceeded to host ", rb"(?P<ip>\S+) on (?P<channel>\S+) \(type = "
        rb"(?P<type>\d+), subclass = (?P<subclass>\d+), ts=(?P<ts_ms>\d+), "
        rb"seqno=(?P<seqno_count>\d+)\)",
        _K.MAX_RETRIES, "1.0 - 23", driver="chan_iax2",
    ),
    _row(
        b"Registration of '",
        rb"(?P<user>[^'\n]*)' rejected: '(?P<reason>[^'\n]*)' from: '(?P<addr>[^'\s]*)'",
        _K.OUTBOUND_FAILED, "1.0 - 23", driver="chan_iax2",
    ),
    _row(
        b"No registration for peer '", rb"(?P<user>[^'\n]*)' \(from (?P<addr>[^)\s]+)\)",
        _K.REGISTRATION_FAILED, "1.0 - 23", driver="chan_iax2", reason="no registration for peer",
    ),
    _row(
        b"Host ", rb"(?P<addr>\S+) denied access to register peer '(?P<user>[^'\n]*)'",
        _K.REGISTRATION_FAILED, "1.0 - 23", driver="chan_iax2", reason="denied by host",
    ),
    _row(
        b"Host ", rb"(?P<addr>\S+) (?:failed|did not provide proper plaintext password for) "
        rb"(?:MD5 authentication for )?'(?P<user>[^'\n]*)'",
        _K.AUTHENTICATION_FAILED, "1.0 - 23", driver="chan_iax2",
    ),
    _row(
        b"Call rejected, CallToken Support required.",
        rb"(?:.*?placing address (?P<addr>\S+) in the calltokenoptional list or setting user "
        rb"(?P<user>\S+) requirecalltoken=no)?",
        _K.CALLTOKEN_FAILED, "1.4 - 23", driver="chan_iax2", reason="no call token",
    ),
    _row(
        b"Too much delay in IAX2 calltoken timestamp from address ", rb"(?P<addr>\S+)",
        _K.CALLTOKEN_FAILED, "1.4 - 23", driver="chan_iax2", reason="too old",
    ),
    _row(
        b"Address ", rb"(?P<addr>\S+) failed CallToken hash inspection",
        _K.CALLTOKEN_FAILED, "1.4 - 23", driver="chan_iax2", reason="from another address",
    ),
    _row(
        b"Received unsolicited registry ack from '", rb"(?P<addr>[^'\s]*)'",
        _K.UNSOLICITED_ANSWER, "1.0 - 23", driver="chan_iax2",
    ),
    # RTP
    _row(
        b"0x",
        rb"(?P<stream>[0-9a-f]+) -- Strict RTP learning after remote address set to: " + _ADDR,
        _K.RTP_LEARNING, "11.25 - 23", step="learning",
    ),
    _row(
        b"0x", rb"(?P<stream>[0-9a-f]+) -- Strict RTP switching to RTP target address " + _ADDR
        + rb" as source",
        _K.RTP_LEARNING, "11.25 - 23", step="switched",
    ),
    _row(
        b"0x", rb"(?P<stream>[0-9a-f]+) -- Strict RTP switching source address to " + _ADDR,
        _K.RTP_LEARNING, "11.25 - 23", step="switched",
    ),
    _row(
        b"0x", rb"(?P<stream>[0-9a-f]+) -- Strict RTP learning complete - Locking on source "
        rb"address " + _ADDR,
        _K.RTP_LEARNING, "11.25 - 23", step="locked",
    ),
    _row(
        b"0x", rb"(?P<stream>[0-9a-f]+) -- Probation passed - setting RTP source address to "
        + _ADDR,
        _K.RTP_LEARNING, "11 - 13", step="locked",
    ),
    _row(
        b"0x", rb"(?P<stream>[0-9a-f]+) -- Received RTP packet from (?P<addr>\S+), dropping due to "
        rb"strict RTP protection",
        _K.RTP_DROPPED, "11 - 16.29",
    ),
    _row(
        b"Received RTP packet from ", rb"(?P<addr>\S+), dropping due to strict RTP protection"
        rb"(?:\. Expected it to be from (?P<expected>\S+))?",
        _K.RTP_DROPPED, "1.8 - 10",
    ),
    _row(
        b"(0x", rb"(?P<instance>[0-9a-f]+)\) RTP (?:0x)?(?P<stream>[0-9a-f]+) -- Received packet "
        rb"from (?P<addr>\S+), dropping due to strict RTP protection",
        _K.RTP_DROPPED, "16.30 - 23",
    ),
    _row(
        b"(0x", rb"(?P<instance>[0-9a-f]+)\) (?:RTP )?(?:0x(?P<stream>[0-9a-f]+) -- )?Strict RTP "
        rb"(?P<step>learning|switching|qualifying)[^\n]*? (?:to|address)(?: set to)?:? " + _ADDR,
        _K.RTP_LEARNING, "16.30 - 23",
    ),
    _row(
        b"RTP NAT: Got audio from other end. Now sending to address ", _ADDR,
        _K.RTP_NAT, "1.0 - 23", step="switched",
    ),
    _row(
        b"RTP NAT: Can't write RTP to private address ", _ADDR,
        _K.RTP_NAT, "1.4 - 23", step="waiting",
    ),
    _row(
        b"(0x", rb"(?P<instance>[0-9a-f]+)\) RTP NAT: Got audio from other end. Now sending to "
        rb"address " + _ADDR,
        _K.RTP_NAT, "16.30 - 23", step="switched",
    ),
    # the logger and Asterisk itself
    _row(
        b"Logging resumed.", rb"\s+(?P<lost_count>\d+) messages? discarded",
        _K.DISCARDED, "13 - 23",
    ),
    _row(b"Asterisk Ready.", rb"", _K.STARTED, "1.0 - 23"),
    _row(
        b"Asterisk ", rb"(?P<version>[\w.~+/-]{1,100}) built by ",
        _K.STARTED, "1.4 - 23",
    ),
    _row(b"Asterisk cleanly ending", rb"", _K.STOPPED, "1.0 - 23"),
    _row(b"Executing last minute cleanups", rb"", _K.STOPPED, "1.0 - 23"),
)  # fmt: skip
"""In order: the first row that matches a line has it."""

_WIDTH = 4
_BY_START: defaultdict[bytes, list[Verdict]] = defaultdict(list)
for _verdict in VERDICTS:
    _BY_START[_verdict.start[:_WIDTH]].append(_verdict)

STARTS = frozenset(_BY_START) | frozenset(
    key + bytes((digit,)) + (bytes((other,)) if len(key) == 2 else b"")
    for key in _BY_START
    if len(key) < _WIDTH
    for digit in b"0123456789abcdef"
    for other in b"0123456789abcdef"
)
"""The first four bytes of every line that may be a verdict."""

_CONTACT = re.compile(rb"sips?:[^@;\s]*@?(\[[^\]]+\]|[^:;@\s]+)(?::(\d{1,5}))?")
_USER = re.compile(r"sips?:([^@;>\s]{1,255}+)@")


class Found(NamedTuple):
    """What a line says: an event without time and place."""

    kind: EventKind
    user: str | None
    address: Endpoint | None
    params: dict[str, Param]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def verdict(message: bytes) -> Found | None:
    """The verdict that a log message is, or None for any other.

    >>> found = verdict(b"Registered SIP '101' at 203.0.113.7:5060")
    >>> found.kind.value, found.user, str(found.address)
    ('registered', '101', '203.0.113.7:5060')
    """
    start = message[:_WIDTH]
    if start not in STARTS:
        return None
    pointer = b"0x" if start[:2] == b"0x" else b"(0x"
    for row in _BY_START.get(start) or _BY_START.get(pointer) or []:
        match = row.pattern.match(message)
        if match is not None:
            return _found(row, match)
    return None


def _found(row: Verdict, match: re.Match[bytes]) -> Found:
    params: dict[str, Param] = dict(row.params)
    user: str | None = None
    address: Endpoint | None = None
    groups: dict[str, bytes | None] = match.groupdict()
    for name, value in groups.items():
        if value is None:
            continue
        if name == "user":
            user = _text(value)
        elif name == "addr":
            address = parse_address(value)
        elif name == "ip":
            address = parse_address(value + b":" + (groups.get("port") or b"4569"))
        elif name.endswith(("_s", "_ms", "_count")):
            params[name] = float(value) if b"." in value else int(value[:18])
        elif name != "port":
            params[name] = _text(value)
    if address is None:
        address = _contact_address(groups.get("contact"))
    if user is None and "from" in params:
        claimed = _USER.search(str(params["from"]))
        user = claimed[1] if claimed else None
    return Found(row.kind, user, address, params)


def _contact_address(contact: bytes | None) -> Endpoint | None:
    """Where a contact of chan_pjsip's is reached: its URI, after rewrite_contact."""
    found = _CONTACT.search(contact) if contact else None
    return parse_address(found[1] + b":" + (found[2] or b"5060")) if found else None


_RUN = re.compile(rb"\s*(?:(?:--|==|>)\s+)?")


def unmarked(message: bytes) -> bytes:
    """A message without its verbosity mark (include/asterisk/logger.h)."""
    match = _RUN.match(message)
    return message[match.end() :] if match else message
