"""Where each release of Asterisk keeps ``iax2.h``, and how its define's line is written.

Facts as data, read from the tags of Asterisk's repository (0.1.0 to 23.4.1); nothing is read or
written here. From them a patch can be written for a release whose source isn't at hand: the
define's own line and one line on either side, which is all that is told of the file.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sipdiag.asterisk.iax2_header import NAME
from sipdiag.base.errors import InputError, UsageError

OLD_PATH = "channels/iax2.h"
"""0.4.0 to 11."""

PATH = "channels/iax2/include/iax2.h"
"""From 12.0.0 on."""

_SAYS = "By default require re-registration once per minute"
_BARE = f"#define {NAME}  60"
_NEWEST = 23


class Release(NamedTuple):
    """A release's number. ``stage``: -2 = beta, -1 = release candidate, 0 = released."""

    numbers: tuple[int, ...]
    stage: int = 0
    stage_number: int = 0
    certified: bool = False

    @property
    def major(self) -> int:
        """The first number."""
        return self.numbers[0]

    @property
    def configurable(self) -> bool:
        """Whether iax.conf has ``minregexpire`` and ``maxregexpire``: from 1.2.0 on."""
        return self.order >= ((1, 2, 0, 0), 0, 0)

    @property
    def order(self) -> tuple[tuple[int, ...], int, int]:
        """Compares as the releases followed each other within a branch."""
        return (self.numbers + (0,) * 4)[:4], self.stage, self.stage_number


class Recorded(NamedTuple):
    """The define in a release: path in the tree, number of its line, and the lines from the one
    before it to the one after it."""

    path: str
    line: int
    text: bytes


_WRITTEN = re.compile(
    r"(?:asterisk[- /])?(?P<cert>certified[-/ ])?(?P<numbers>\d{1,4}(?:\.\d{1,4}){0,3})"
    r"(?:-(?P<stage>beta|rc)(?P<number>\d{1,4})(?:\.\d{1,4})?)?(?P<cert2>-cert\d*)?(?:[-~+].*)?",
    re.IGNORECASE | re.DOTALL,
)

_COMMENTED = (b"\n" + f"{_BARE}\t/* {_SAYS} */\n".encode()) + b"\n"
_TAB = f"/*! {_SAYS} */\n{_BARE}\t\n\n".encode()
_PLAIN = f"/*! {_SAYS} */\n{_BARE}\n\n".encode()

_SINCE: tuple[tuple[str, int, bytes | None], ...] = (
    ("0.4.0", 67, _COMMENTED),
    ("0.5.0", 69, _COMMENTED),
    ("1.0.0-beta1", 71, _COMMENTED),
    ("1.2.35", 72, _COMMENTED),
    ("1.4.19.2", 77, _COMMENTED),
    ("1.4.26.2", 79, _COMMENTED),
    ("1.6.0-beta1", 110, _TAB),
    ("1.6.0-beta9", 115, _TAB),
    ("1.6.0.11-rc1", 115, _PLAIN),
    ("1.6.0.15", 118, _PLAIN),
    ("1.6.1-beta1", 0, None),
    ("1.6.1.0", 117, _TAB),
    ("1.6.1.1", 0, None),
    ("1.6.1.3-rc1", 117, _PLAIN),
    ("1.6.1.10", 119, _PLAIN),
    ("1.6.2.0-beta1", 0, None),
    ("1.6.2.0-rc1", 117, _PLAIN),
    ("1.6.2.0-rc2", 119, _PLAIN),
    ("1.8.21", 123, _PLAIN),
    ("10.0.0-beta1", 119, _PLAIN),
    ("11.10.0", 123, _PLAIN),
)
"""From which release on: line and text, in order; None = whether a tab ends the line isn't told
for each of these."""


def parse_release(text: str) -> Release:
    """A release as people and packages write it. Raises ``UsageError``.

    >>> parse_release("1.6.0-beta3").numbers, parse_release("16.28.0~dfsg-0+deb11u4").numbers
    ((1, 6, 0), (16, 28, 0))
    >>> parse_release("certified/11.6-cert18").certified
    True
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise UsageError("this is no version of Asterisk (one is 16.28.0, or certified/18.9-cert1)")
    stage = {None: 0, "rc": -1, "beta": -2}[match["stage"] and match["stage"].lower()]
    return Release(
        tuple(int(part) for part in match["numbers"].split(".")),
        stage,
        int(match["number"] or 0),
        bool(match["cert"] or match["cert2"]),
    )


def recorded(release: Release) -> Recorded:
    """What is known of the header of a release. Raises ``InputError`` where nothing is."""
    if release.major >= 12:
        return Recorded(PATH, 123, _PLAIN)
    if release.certified and release.numbers[:2] == (11, 6):
        return Recorded(OLD_PATH, 123, _PLAIN)
    since = [entry for entry in _SINCE if parse_release(entry[0]).order <= release.order]
    if not since:
        raise InputError("Asterisk had no iax2.h before 0.4.0")
    _, line, text = since[-1]
    if text is None:
        raise InputError(
            "how this release writes the line isn't recorded exactly: give its source tree instead"
        )
    return Recorded(OLD_PATH, line, text)


def beyond_record(release: Release) -> bool:
    """Whether the release is newer than those that were looked at."""
    return release.major > _NEWEST
