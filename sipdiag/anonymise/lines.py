"""What Asterisk's log says, with stand-ins.

Contract: an event keeps its kind, time and numbers; of its line stay the words that Asterisk itself
prints (``asterisk.log_verdict``), everything that was filled in is replaced by what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sipdiag.anonymise import values
from sipdiag.anonymise.frame import cause
from sipdiag.anonymise.message import reason
from sipdiag.anonymise.standins import StandIns
from sipdiag.asterisk.log_verdict import VERDICTS
from sipdiag.base.logevent import LogEvent, Param

_CHANNEL = re.compile(r"(SIP|PJSIP|IAX2)/(.*?)(-[0-9a-f]+)?", re.DOTALL)
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[\d.]+)(:\d{1,5})?")
_HARMLESS = re.compile(r"[\w ./+~-]*")


def _address(standins: StandIns, text: str) -> str:
    match = _WITH_PORT.fullmatch(text)
    return standins.host(match[1]) + (match[2] or "") if match else standins.host(text)


def _channel(standins: StandIns, text: str) -> str:
    match = _CHANNEL.fullmatch(text)
    if match is None:
        return standins.token(text)
    return f"{match[1]}/{standins.user(match[2])}{match[3] or ''}"


def _reason(standins: StandIns, text: str) -> str:
    return text if cause(standins, text) == text else reason(standins, text)


def _word(standins: StandIns, text: str) -> str:
    return text if _HARMLESS.fullmatch(text) else standins.token(text)


_REWRITES: dict[str, Callable[[StandIns, str], str]] = {
    **dict.fromkeys(("user", "aor"), StandIns.user),
    **dict.fromkeys(("addr", "ip", "expected"), _address),
    **dict.fromkeys(("contact", "from", "server"), values.name_addrs),
    "call_id": StandIns.token,
    "channel": _channel,
    "reason": _reason,
    **dict.fromkeys(
        ("what", "method", "how", "status", "type", "subclass", "media", "step", "stream",
         "instance", "driver", "scope"),
        _word,
    ),
    "version": StandIns.software,
}  # fmt: skip
"""The groups of the table's patterns that may hold text."""


def _value(standins: StandIns, name: str, text: str) -> str:
    if name.endswith(("_s", "_ms", "_count")):
        return text
    return _REWRITES.get(name, StandIns.token)(standins, text)


def rewrite_event(standins: StandIns, event: LogEvent) -> LogEvent:
    """The event with stand-ins."""
    params: dict[str, Param] = {
        name: _value(standins, name, value) if isinstance(value, str) else value
        for name, value in event.params.items()
    }
    return replace(
        event,
        user=None if event.user is None else standins.user(event.user),
        address=None if event.address is None else standins.endpoint(event.address),
        text=_line(standins, event.text),
        params=params,
    )


def _line(standins: StandIns, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    for verdict in VERDICTS:
        match = verdict.pattern.match(data) if data.startswith(verdict.start) else None
        if match is not None:
            return _filled(standins, match)
    return standins.token(text)


def _filled(standins: StandIns, match: re.Match[bytes]) -> str:
    """The part of the line that the pattern knows, its groups replaced."""
    out, at = [], 0
    groups = sorted((match.span(name), name) for name, value in match.groupdict().items() if value)
    for (begin, end), name in groups:
        if begin < at:
            continue
        out.append(_literal(standins, match.string[at:begin]))
        text = match.string[begin:end].decode("utf-8", "surrogateescape")
        out.append(_value(standins, name, text))
        at = end
    out.append(_literal(standins, match.string[at : match.end()]))
    return "".join(out)


def _literal(standins: StandIns, data: bytes) -> str:
    return standins.within(data.decode("utf-8", "surrogateescape"))
