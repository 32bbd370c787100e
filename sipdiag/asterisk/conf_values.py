"""How Asterisk reads what stands behind the equal sign. Units are those of the options.

Sources: main/utils.c:ast_true, chan_sip.c:handle_common_options (1.8, 10),
channels/sip/config_parser.c:sip_parse_nat_option (11 to 20), chan_iax2.c:build_peer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sipdiag.asterisk.identify import AsteriskVersion

_NUMBER = re.compile(r"[ \t]*[+-]?\d{1,18}")
DEFAULT_MAX_MS = 2000
"""``qualify=yes`` in milliseconds, chan_sip and chan_iax2."""


def is_true(text: str) -> bool:
    """``ast_true``."""
    return text.lower() in ("yes", "true", "y", "t", "1", "on")


def is_false(text: str) -> bool:
    """``ast_false``; what is neither isn't the other either."""
    return text.lower() in ("no", "false", "n", "f", "0", "off")


def number(text: str) -> int | None:
    """``sscanf("%d")``: the digits that it begins with; None where there are none."""
    found = _NUMBER.match(text)
    return int(found[0]) if found else None


def max_ms(text: str, yes_ms: int = DEFAULT_MAX_MS) -> int:
    """``qualify``: the longest round trip in ms, 0 = off. ``yes``, ``no`` or a number; other words
    for yes are not taken, and switch it off."""
    if text.lower() == "yes":
        return yes_ms
    return max(0, number(text) or 0)


class NatMode(NamedTuple):
    """What ``nat=`` comes to. ``rport``: answers and later requests go to the packet's source;
    ``comedia``: audio goes to where audio comes from; ``auto_``: only where the top Via's address
    isn't the packet's. ``unknown``: words that Asterisk passes over in silence; ``blanks``: those
    that it would know but for a blank."""

    rport: bool
    comedia: bool
    auto_rport: bool = False
    auto_comedia: bool = False
    deprecated: bool = False
    unknown: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ()


NAT_WORDS = ("force_rport", "comedia", "auto_force_rport", "auto_comedia", "yes", "no")


def nat_mode(*texts: str, version: AsteriskVersion | None = None) -> NatMode:
    """What the ``nat=`` lines of one section come to, inherited ones among them; ``version`` None
    = 11 or later. There each line adds to those before it, ``no`` begins anew, and an ``auto_``
    word stands until then, so that ``force_rport`` after it does nothing.

    >>> nat_mode("force_rport, comedia").comedia
    False
    >>> nat_mode("auto_force_rport", "force_rport,comedia").rport
    False
    """
    if version is not None and version.major < 11:
        return _old_nat_mode(texts[-1], version)
    rport = comedia = auto_rport = auto_comedia = False
    unknown: list[str] = []
    for text in texts:
        for word in text.split(","):
            lower = word.lower()
            if is_false(word):
                rport = comedia = auto_rport = auto_comedia = False
                break
            if lower == "yes":
                rport, comedia, auto_rport, auto_comedia = True, True, False, False
                break
            if lower == "auto_force_rport":
                rport, auto_rport = False, True
            elif lower == "auto_comedia":
                comedia, auto_comedia = False, True
            elif lower == "force_rport":
                rport = not auto_rport
            elif lower == "comedia":
                comedia = not auto_comedia
            else:
                unknown.append(word)
    known = [word for word in unknown if word.strip().lower() in NAT_WORDS]
    return NatMode(
        rport, comedia, auto_rport, auto_comedia,
        texts[-1].lower().split(",")[0] == "yes",
        tuple(word.strip() for word in unknown if word not in known),
        tuple(word.strip().lower() for word in known),
    )  # fmt: skip


def _old_nat_mode(text: str, version: AsteriskVersion) -> NatMode:
    lower = text.lower()
    if version.major == 1 and (version.minor or 0) < 8:
        both = is_true(text) or lower == "route"
        return NatMode(both, both)
    if is_true(text):
        return NatMode(True, True)
    if lower in ("force_rport", "comedia"):
        return NatMode(lower == "force_rport", lower == "comedia")
    if is_false(text):
        return NatMode(False, False)
    return NatMode(version.major == 10, False, unknown=(text,))


def default_nat(version: AsteriskVersion | None) -> str:
    """``nat`` where it isn't written. 1.8 and older changed it within a branch (1.8.7.2)."""
    if version is None or version.major >= 11:
        return "auto_force_rport"
    return "force_rport" if version.major == 10 else "no"
