"""Every verdict line, as Asterisk prints it, with what must be read from it."""

# ruff: noqa: E501 - a log's lines are as long as they are

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.asterisk import log_verdict
from sipdiag.asterisk.log_verdict import STARTS, VERDICTS, unmarked, verdict
from sipdiag.base.logevent import EventKind

_IX = "sip:101@203.0.113.7:1024"

LINES: list[tuple[str, str, dict[str, object]]] = [
    ("Registered SIP '101' at 203.0.113.7 port 1024 expires 60", "registered 101 203.0.113.7:1024", {"expires_s": 60}),
    ("Registered SIP '101' at 203.0.113.7 port 1024", "registered 101 203.0.113.7:1024", {}),
    ("Registered SIP '101' at [2001:db8::7]:5060", "registered 101 [2001:db8::7]:5060", {"driver": "chan_sip"}),
    ("Unregistered SIP '101'", "unregistered 101 None", {}),
    ("Registration from '\"A\" <sip:101@203.0.113.80>' failed for '203.0.113.7:5060' - Wrong password", "registration-failed 101 203.0.113.7:5060", {"reason": "Wrong password"}),
    ("Registration from '<sip:101@b>' failed for '203.0.113.7' - No matching peer found", "registration-failed 101 203.0.113.7:5060", {"reason": "No matching peer found"}),
    ("Registration from '<sip:101@b>' failed for '203.0.113.7'", "registration-failed 101 203.0.113.7:5060", {}),
    ("Peer '101' is now UNREACHABLE!  Last qualify: 12", "unreachable 101 None", {"last_ms": 12}),
    ("Peer '101' is now UNREACHABLE!", "unreachable 101 None", {}),
    ("Peer 'bob' is now UNREACHABLE! Time: 14", "unreachable bob None", {"time_ms": 14}),
    ("Peer '101' is now Reachable. (12ms / 2000ms)", "reachable 101 None", {"rtt_ms": 12, "limit_ms": 2000}),
    ("Peer '101' is now REACHABLE! (12ms / 2000ms)", "reachable 101 None", {"rtt_ms": 12}),
    ("Peer 'bob' is now REACHABLE! Time: 3", "reachable bob None", {"time_ms": 3}),
    ("Peer '101' is now Lagged. (2500ms / 2000ms)", "lagged 101 None", {"rtt_ms": 2500}),
    ("Peer '101' is now TOO LAGGED! (2500ms / 2000ms)", "lagged 101 None", {"rtt_ms": 2500}),
    ("Peer 'bob' is now TOO LAGGED (2345 ms)!", "lagged bob None", {"rtt_ms": 2345}),
    ("Peer 'bob' is not dynamic (from 203.0.113.7)", "registration-failed bob 203.0.113.7:5060", {}),
    ("Maximum retries exceeded on call 7d@a for seqno 102 (Critical Request)", "retransmission-timeout None None", {"call_id": "7d@a", "seqno_count": 102}),
    ("Maximum retries exceeded on transmission 7d@a for seqno 102 (Critical Response) -- See doc/sip-retransmit.txt.", "retransmission-timeout None None", {"what": "Critical Response"}),
    ("Retransmission timeout reached on transmission 7d@a for seqno 102 (Critical Request) -- See https://wiki\nPacket timed out after 6400ms with no response", "retransmission-timeout None None", {"after_ms": 6400}),
    ("Hanging up call 7d@a - no reply to our critical packet (see doc/sip-retransmit.txt).", "no-reply None None", {"call_id": "7d@a"}),
    ("Timeout on 7d@a on non-critical invite transaction.", "no-reply None None", {"call_id": "7d@a"}),
    ("Session-Timer expired - 7d@a", "session-timer-expired None None", {"call_id": "7d@a"}),
    ('Got SIP response 486 "Busy Here" back from 203.0.113.7:5060', "sip-error None 203.0.113.7:5060", {"status": "486", "reason": "Busy Here"}),
    ('Incoming call: Got SIP response 500 "Oh" back from 203.0.113.7', "sip-error None 203.0.113.7:5060", {"status": "500"}),
    ("   -- Registration for 'me@provider' timed out, trying again (Attempt #3)", "outbound-timeout me@provider None", {"attempt_count": 3}),
    ("   -- Last Registration Attempt #10 failed, Giving up forever trying to register 'me@provider'", "outbound-failed me@provider None", {"attempt_count": 10}),
    ("   -- Giving up forever trying to register 'me@provider'", "outbound-failed me@provider None", {}),
    ("Outbound Registration: Expiry for provider is 120 sec (Scheduling reregistration in 105 s)", "outbound-registered provider None", {"expires_s": 120, "next_s": 105}),
    ("Got 423 Interval too brief for service me@provider, minimum is 300 seconds", "registration-clamped me@provider None", {"minimum_s": 300}),
    ("Required expiration time from me@provider is too high, giving up", "outbound-failed me@provider None", {}),
    ("Disconnecting call 'SIP/101-00000001' for lack of RTP activity in 31 seconds", "no-rtp None None", {"silent_s": 31, "channel": "SIP/101-00000001"}),
    (" SIP, got a network change message, renewing all SIP registrations.", "network-changed None None", {}),
    (f"Added contact '{_IX};x-ast-orig-host=192.168.1.50:5060' to AOR '101' with expiration of 60 seconds", "contact-added 101 203.0.113.7:1024", {"expires_s": 60}),
    (f"Refreshed contact '{_IX}' on AOR '101' with new expiration of 60 seconds", "contact-refreshed 101 203.0.113.7:1024", {"expires_s": 60}),
    (f"Removed contact '{_IX}' from AOR '101' due to expiration", "expired 101 203.0.113.7:1024", {}),
    (f"Removed contact '{_IX}' from AOR '101' due to request", "unregistered 101 203.0.113.7:1024", {}),
    (f"Removed contact '{_IX}' from AOR '101' due to remove existing", "contact-removed 101 203.0.113.7:1024", {"reason": "remove existing"}),
    (f"Attempted to remove non-existent contact '{_IX}' from AOR '101' by request", "unregistered 101 203.0.113.7:1024", {}),
    (f"Contact 101/{_IX} is now Unreachable.  RTT: 0.000 msec", "unreachable 101 203.0.113.7:1024", {"rtt_ms": 0.0}),
    (f"Contact 101/{_IX} is now Reachable.  RTT: 12.345 msec", "reachable 101 203.0.113.7:1024", {"rtt_ms": 12.345}),
    (f"Contact 101/{_IX} is now NonQualified.", "contact-status 101 203.0.113.7:1024", {"status": "NonQualified"}),
    (f"  == Contact 101/{_IX} has been deleted", "contact-status 101 203.0.113.7:1024", {"status": "deleted"}),
    ("  == Endpoint 101 is now Unreachable", "unreachable 101 None", {"scope": "endpoint"}),
    ("  == Endpoint 101 is now Reachable", "reachable 101 None", {"scope": "endpoint"}),
    ("Request 'REGISTER' from '\"101\" <sip:101@203.0.113.80>' failed for '203.0.113.7:1024' (callid: 7d) - Failed to authenticate", "authentication-failed 101 203.0.113.7:1024", {"method": "REGISTER", "reason": "Failed to authenticate"}),
    ("Request 'REGISTER' from '<sip:1@b>' failed for '203.0.113.7:1024' (callid: 7d) - No matching endpoint found after 5 tries in 2.250 ms", "authentication-failed 1 203.0.113.7:1024", {"tries_count": 5, "within_ms": 2.25}),
    ("Request from '<sip:1@b>' failed for '203.0.113.7:1024' (callid: 7d) - No matching endpoint found", "authentication-failed 1 203.0.113.7:1024", {}),
    ("Registration attempt from endpoint '101' (203.0.113.7:1024) to AOR '101' will exceed max contacts of 1", "max-contacts 101 203.0.113.7:1024", {"limit_count": 1}),
    ("Registration attempt from endpoint '101' to AOR '101' will exceed max contacts of 1", "max-contacts 101 None", {"aor": "101"}),
    ("No response received from 'sip:p' on registration attempt to 'sip:me@p', retrying in '60'", "outbound-timeout sip:me@p None", {"next_s": 60}),
    ("Temporal response '503' received from 'sip:p' on registration attempt to 'sip:me@p', retrying in '60'", "outbound-failed sip:me@p None", {"status": "503"}),
    ("Maximum retries reached when attempting outbound registration to 'sip:p' with client 'sip:me@p', stopping registration attempt", "outbound-failed sip:me@p None", {}),
    ("Fatal response '404' received from 'sip:p' on registration attempt to 'sip:me@p', stopping outbound registration", "outbound-failed sip:me@p None", {"status": "404"}),
    ("403 Forbidden fatal response received from 'sip:p' on registration attempt to 'sip:me@p', stopping", "outbound-failed sip:me@p None", {"status": "403"}),
    ("Outbound registration to 'sip:p' with client 'sip:me@p' successful", "outbound-registered sip:me@p None", {}),
    ("Scheduling outbound registration to server 'sip:p' from client 'sip:me@p' in 3590 seconds", "outbound-registered sip:me@p None", {"next_s": 3590}),
    ("Disconnecting channel 'PJSIP/101-00000001' for lack of audio RTP activity in 31 seconds", "no-rtp None None", {"media": "audio", "silent_s": 31}),
    ("Disconnecting channel 'PJSIP/101-00000001' for lack of RTP activity in 31 seconds", "no-rtp None None", {"silent_s": 31}),
    ("Registered IAX2 'bob' (AUTHENTICATED) at 203.0.113.7:4569", "registered bob 203.0.113.7:4569", {"how": "AUTHENTICATED"}),
    ("Registered 'bob' (UNAUTHENTICATED) at 203.0.113.7:4569", "registered bob 203.0.113.7:4569", {}),
    ("Unregistered IAX2 'bob' (AUTHENTICATED)", "unregistered bob None", {}),
    ("Registered IAX2 to '203.0.113.80', who sees us as 203.0.113.7:4569 with no messages waiting", "outbound-registered None 203.0.113.7:4569", {"server": "203.0.113.80"}),
    ("Registered to '203.0.113.80', who sees us as 203.0.113.7:4569", "outbound-registered None 203.0.113.7:4569", {}),
    ("Expiring registration for peer 'bob'", "expired bob None", {}),
    ("Seeding 'bob' at 203.0.113.7:4569 for 60", "registered bob 203.0.113.7:4569", {"how": "seeded", "expires_s": 60}),
    ("Restricting registration for peer 'bob' to 60 seconds (requested 300)", "registration-clamped bob None", {"granted_s": 60, "asked_s": 300}),
    ("Max retries exceeded to host 203.0.113.7 on IAX2/bob-42 (type = 6, subclass = 1, ts=3, seqno=0)", "max-retries None 203.0.113.7:4569", {"channel": "IAX2/bob-42", "ts_ms": 3}),
    ("Registration of 'bob' rejected: 'Registration Refused' from: '203.0.113.80'", "outbound-failed bob 203.0.113.80:5060", {"reason": "Registration Refused"}),
    ("No registration for peer 'eve' (from 203.0.113.7)", "registration-failed eve 203.0.113.7:5060", {}),
    ("Host 203.0.113.7 denied access to register peer 'bob'", "registration-failed bob 203.0.113.7:5060", {}),
    ("Host 203.0.113.7 failed MD5 authentication for 'bob' (aa != bb)", "authentication-failed bob 203.0.113.7:5060", {}),
    ("Call rejected, CallToken Support required. If unexpected, resolve by placing address 203.0.113.7 in the calltokenoptional list or setting user bob requirecalltoken=no", "calltoken-failed bob 203.0.113.7:5060", {}),
    ("Too much delay in IAX2 calltoken timestamp from address 203.0.113.7:4569", "calltoken-failed None 203.0.113.7:4569", {}),
    ("Address 203.0.113.7:4569 failed CallToken hash inspection", "calltoken-failed None 203.0.113.7:4569", {}),
    ("Received unsolicited registry ack from '203.0.113.9'", "unsolicited-answer None 203.0.113.9:5060", {}),
    ("       > 0x7f00aa -- Strict RTP learning after remote address set to: 192.168.1.50:4000", "rtp-learning None 192.168.1.50:4000", {"step": "learning", "stream": "7f00aa"}),
    ("       > 0x7f00aa -- Strict RTP switching to RTP target address 203.0.113.7:4000 as source", "rtp-learning None 203.0.113.7:4000", {"step": "switched"}),
    ("       > 0x7f00aa -- Strict RTP switching source address to 203.0.113.7:4000", "rtp-learning None 203.0.113.7:4000", {"step": "switched"}),
    ("0x7f00aa -- Strict RTP learning complete - Locking on source address 203.0.113.7:4000", "rtp-learning None 203.0.113.7:4000", {"step": "locked"}),
    ("0x7f00aa -- Probation passed - setting RTP source address to 203.0.113.7:4000", "rtp-learning None 203.0.113.7:4000", {"step": "locked"}),
    ("0x7f00aa -- Received RTP packet from 203.0.113.7:4000, dropping due to strict RTP protection. Qualifying new stream.", "rtp-dropped None 203.0.113.7:4000", {}),
    ("Received RTP packet from 203.0.113.7:4000, dropping due to strict RTP protection. Expected it to be from 203.0.113.8:4002", "rtp-dropped None 203.0.113.7:4000", {"expected": "203.0.113.8:4002"}),
    ("(0x7f00aa) RTP 0x7f00bb -- Received packet from 203.0.113.7:4000, dropping due to strict RTP protection. Qualifying new stream.", "rtp-dropped None 203.0.113.7:4000", {"instance": "7f00aa"}),
    ("(0x7f00aa) RTP 0x7f00bb -- Strict RTP learning after remote address set to: 203.0.113.7:4000", "rtp-learning None 203.0.113.7:4000", {"step": "learning"}),
    ("RTP NAT: Got audio from other end. Now sending to address 203.0.113.7:4000", "rtp-nat None 203.0.113.7:4000", {"step": "switched"}),
    ("(0x7f00aa) RTP NAT: Got audio from other end. Now sending to address 203.0.113.7:4000", "rtp-nat None 203.0.113.7:4000", {}),
    ("RTP NAT: Can't write RTP to private address 192.168.1.50:4000, waiting for other end to send audio...", "rtp-nat None 192.168.1.50:4000", {"step": "waiting"}),
    ("Logging resumed.  212 messages discarded.", "discarded None None", {"lost_count": 212}),
    ("Asterisk Ready.", "started None None", {}),
    ("Asterisk 16.28.0~dfsg-0+deb11u4 built by nobody @ host on a unknown running Linux on 2024-01-04", "started None None", {"version": "16.28.0~dfsg-0+deb11u4"}),
    ("Asterisk cleanly ending (0).", "stopped None None", {}),
    ("Executing last minute cleanups", "stopped None None", {}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected", "params"), LINES)
def test_line(line: str, expected: str, params: dict[str, object]) -> None:
    message = unmarked(line.encode())
    found = verdict(message)
    assert found is not None
    assert f"{found.kind.value} {found.user} {found.address}" == expected
    for name, value in params.items():
        assert found.params[name] == value
    assert message[:4] in STARTS


def test_every_row_and_kind_has_a_line() -> None:
    used = set()
    for line, expected, _ in LINES:
        message = unmarked(line.encode())
        rows = [row for row in VERDICTS if row.pattern.match(message)]
        used.add(id(rows[0]))
        assert rows[0].kind is EventKind(expected.split()[0])
    assert [row.start for row in VERDICTS if id(row) not in used] == []
    assert {row.kind for row in VERDICTS} == set(EventKind)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Peer '101' is something",
        "Registered application 'Dial'",
        "Added extension '101' priority 1 to default",
        "   -- Executing [101@default:1] Dial",
        "Endpoint 101 is now Reachable"[:12],
    ],
)
def test_other_lines(line: str) -> None:
    assert verdict(unmarked(line.encode())) is None


@given(st.sampled_from(LINES), st.binary(max_size=30), st.integers(0, 200))
def test_damaged_lines_dont_raise(
    line: tuple[str, str, dict[str, object]], junk: bytes, at: int
) -> None:
    text = line[0].encode()
    verdict(unmarked(text[:at] + junk + text[at:]))


def test_examples() -> None:
    assert doctest.testmod(log_verdict).failed == 0
