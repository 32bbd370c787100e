"""The record of a case: its captures and logs, ``case.toml`` and a ``README.md`` with the numbers.

Contract: ``write(case, played, made, out)`` fills ``out/<case>/`` from what ``play`` left. Text
depends only on its arguments, so a second writing of the same run is the same to the byte.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cases import Case, Event, Phone, Router, Side
from .measure import CallSeen, Measured
from .play import Played

_PHONES = {
    "baresip": "baresip",
    "asterisk-sip": "Asterisk as a SIP client",
    "asterisk-iax2": "Asterisk as an IAX2 client",
}


@dataclass(frozen=True)
class Made:
    """What a run was made with."""

    date: str
    asterisk: str
    phone: str
    kernel: str


def write(case: Case, played: Sequence[Played], made: Made, source: Path, out: Path) -> None:
    """Write everything a case keeps."""
    target = out / case.name
    target.mkdir(parents=True, exist_ok=True)
    for run in played:
        for tail in (".pcap", ".inside.pcap", ".log"):
            shutil.copyfile(source / (run.side.name + tail), target / (run.side.name + tail))
    (target / "case.toml").write_text(_case_toml(case, made), encoding="utf-8")
    (target / "README.md").write_text(_readme(case, played, made), encoding="utf-8")


def _case_toml(case: Case, made: Made) -> str:
    lines = [f"title = {_value(case.title)}", f"story = {_value(case.story)}"]
    for side in case.sides:
        lines += ["", f"[{side.name}]", f"verdict = {_value(side.verdict)}"]
        if side.expected:
            lines.append(f"expected = {_value(side.expected)}")
        if side.forbidden:
            lines.append(f"forbidden = {_value(side.forbidden)}")
    lines += ["", "[truth]"]
    lines += [f"{name} = {_value(value)}" for name, value in case.truth.items()]
    lines += ["", "[provenance]", 'made_by = "tests/lab"', f"date = {made.date}"]
    lines += [f"asterisk = {_value(made.asterisk)}", f"phone = {_value(made.phone)}"]
    lines += [f"kernel = {_value(made.kernel)}"]
    return "\n".join(lines) + "\n"


def _readme(case: Case, played: Sequence[Played], made: Made) -> str:
    parts = [f"# {case.name}", "", case.title, "", case.story, "", "## Set-up", ""]
    parts.append(f"- Server 203.0.113.80 port {case.port}: {made.asterisk}, `{case.channel}`.")
    parts.append(f"- {_where(case.sides[0].phone, case.sides[0].router)}: {made.phone}.")
    for run in played:
        parts.append(f"- `{run.side.name}`: {_side_text(run.side)}")
    if case.notes:
        parts += ["", "## To know", "", case.notes]
    parts += ["", "## What the captures show", ""]
    parts.append(
        "Measured in the server's capture, in seconds from its first packet. Idle: how long"
    )
    parts.append("the phone's signalling had been silent when the call's first packet was sent.")
    for run in played:
        parts += ["", f"### {run.side.name}", "", *_numbers(case, run)]
    parts += ["", "## Files", "", *_files(played)]
    return "\n".join(parts) + "\n"


def _where(phone: Phone, router: Router) -> str:
    if phone.public:
        return "Phone 198.51.100.50 (public, no NAT)"
    if len(phone.users) > 1:
        return "Phones 192.168.1.50 and 192.168.1.51 behind the router 203.0.113.7"
    if router.carrier_udp_timeout_s:
        return (
            "Phone 192.168.1.50 behind a router, 100.64.0.7 on the outside, "
            "which is behind the carrier's NAT 203.0.113.7"
        )
    return "Phone 192.168.1.50 behind the router 203.0.113.7"


def _side_text(side: Side) -> str:
    router = side.router
    facts = []
    if not side.phone.public:
        timers = f"{router.udp_timeout_s} s, {router.udp_timeout_stream_s} s once replied to"
        facts.append(f"NAT `{router.nat}`, UDP timers {timers}")
        kind = "broken" if router.broken_alg else "on" if router.sip_alg else "off"
        facts.append(f"SIP ALG {kind}")
    if router.sip_alg and router.sip_alg_timeout_s:
        facts.append(f"the ALG holds a flow for {router.sip_alg_timeout_s} s")
    if router.carrier_udp_timeout_s:
        timers = f"UDP timers {router.carrier_udp_timeout_s} s"
        facts.append(f"behind it the carrier's NAT, ports 30000 to 30999, {timers}")
    server = side.server
    for table in (server.general, server.system, server.transport, server.peer, server.aor):
        facts += [f"`{name}={value}`" for name, value in table.items()]
    if server.build:
        facts.append(f"the server is {server.build}, see `tests/lab/{server.build}.py`")
    if side.phone.tcp:
        facts.append("over TCP")
    if side.phone.stun:
        facts.append("the phone asks a STUN server for its media address")
    facts += [f"phone `{name}={value}`" for name, value in side.phone.options.items()]
    text = "; ".join(facts) or "nothing special"
    return f"{text}. {side.story}".strip()


def _numbers(case: Case, run: Played) -> list[str]:
    measured = run.measured
    lines = [f"- {measured.length_s:.0f} s long."]
    times = ", ".join(f"{at:.1f}" for at in measured.registered) or "never"
    lines.append(f"- Registration granted at: {times}.")
    if measured.withdrawn:
        times = ", ".join(f"{at:.1f}" for at in measured.withdrawn)
        lines.append(f"- Registration taken back at: {times}.")
    if measured.refused_count or not measured.registered:
        counts = f"{measured.challenged_count} challenges, {measured.refused_count} refusals"
        lines.append(f"- Registration: {counts}.")
    origins = ", ".join(f"{host}:{port}" for host, port in measured.origins)
    lines.append(f"- The server saw the phone at: {origins}.")
    audio = f"{measured.audio_in_count} from the phone, {measured.audio_out_count} to the phone"
    if measured.audio_lost_count:
        audio += f", {measured.audio_lost_count} to an address where no phone is"
    kind = "Media frames" if case.channel == "chan_iax2" else "RTP packets"
    lines.append(f"- {kind}: {audio}.")
    if measured.calls:
        lines += ["", "| call | at | idle | sent to | sends | answered |"]
        lines += ["| ---: | ---: | ---: | --- | ---: | --- |"]
        lines += [_row(number, call) for number, call in enumerate(measured.calls, 1)]
    for placed in measured.placed:
        ack = "acknowledged" if placed.acknowledged else "never acknowledged"
        sends = f"200 OK sent {placed.answer_count} times, {ack}"
        lines += ["", f"- At {placed.at:.1f} the phone called the server: {sends}."]
    return lines + _steps(run.side.events, measured)


def _steps(events: Sequence[Event], measured: Measured) -> list[str]:
    """The steps other than calls and waits, told by the call they came after."""
    lines: list[str] = []
    calls = 0
    for event in events:
        if event.do in ("call", "hold"):
            calls += 1
        if event.do == "hold":
            lines.append(f"- Call {calls} was put on hold by the phone for {event.seconds:g} s.")
        elif event.do == "power-off":
            lines.append(f"- After call {calls} the phone lost its power.")
        elif event.do == "restart-router":
            when = f"After call {calls}" if calls else "Before the first call"
            lines.append(f"- {when} the router lost its table; now `{event.snat}`.")
        elif event.do == "unregister":
            lines.append(f"- After call {calls} the phone was shut down and un-registered.")
    return ["", *lines] if lines else []


def _row(number: int, call: CallSeen) -> str:
    target = f"{call.target[0]}:{call.target[1]}"
    if call.answer_s is None:
        answer = "no" if call.reply_s is None else "no (but replied to)"
    else:
        answer = f"{call.answered}, after {call.answer_s:.3f} s"
    return f"| {number} | {call.at:.1f} | {call.idle_s:.2f} | {target} | {call.sends} | {answer} |"


def _files(played: Sequence[Played]) -> list[str]:
    lines = []
    for run in played:
        name = run.side.name
        inside = "the router's LAN side" if len(run.side.phone.users) > 1 else "the phone's host"
        lines.append(f"- `{name}.pcap` taken on the server, `{name}.inside.pcap` on {inside},")
        lines.append(f"  both at once; `{name}.log` is Asterisk's full log of the same minutes.")
    return lines


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def phone_text(kind: str, version: str) -> str:
    """How the record calls a phone."""
    return f"{_PHONES[kind]} {version}"
