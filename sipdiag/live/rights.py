"""The right to capture, and giving up every other.

Contract: capturing takes CAP_NET_RAW and nothing else. ``lacking`` says how to get it, with the
real interpreter's path; ``hand_nothing_on`` keeps it from what this process starts; ``drop_to``
gives up root for good and raises ``AccessError`` where any of it could be had back.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shlex
import sys
from contextlib import suppress
from typing import NamedTuple

from sipdiag.base.errors import AccessError, UsageError

_CAP_NET_RAW = 13
"""linux/capability.h."""
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
"""prctl(2)."""


class Account(NamedTuple):
    """Whom to become."""

    name: str
    uid: int
    gid: int


def may_capture() -> bool:
    """Whether this process has CAP_NET_RAW (proc(5), CapEff)."""
    with suppress(OSError, ValueError), open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_NET_RAW & 1)
    return os.geteuid() == 0


def lacking() -> list[str]:
    """What to do where the right lacks, a line each."""
    interpreter = os.path.realpath(sys.executable)
    return [
        "Capturing needs the right CAP_NET_RAW. Any one of these gives it:",
        "as root, giving it up once the interfaces are open:",
        "  sudo sipdiag live --user nobody ...",
        "under systemd, in the [Service] section (see contrib/sipdiag-live.service):",
        "  AmbientCapabilities=CAP_NET_RAW",
        "for good:",
        f"  sudo setcap cap_net_raw+ep {shlex.quote(interpreter)}",
        "That is the Python interpreter itself: whoever may run it may then capture, with any",
        "script. Better make a copy for sipdiag alone (python3 -m venv --copies DIR, mode 0750).",
    ]


def account_of(name: str) -> Account:
    """The account of this name. Raises ``UsageError`` where there is none, or it is root."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise UsageError(f"--user: there is no user {name}") from None
    if entry.pw_uid == 0:
        raise UsageError("--user: root is what is to be given up")
    if os.geteuid() != 0:
        raise UsageError("--user gives up root: start as root, or leave it out")
    return Account(name, entry.pw_uid, entry.pw_gid)


def hand_nothing_on(account: Account | None) -> None:
    """What this process starts gets no capability of it; where root is to be given up, none by
    set-user-id programs either. Both hold for threads that begin later: call it before any does."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if account is not None:
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_to(account: Account) -> None:
    """Becomes ``account``, without other groups, capabilities or a way back. Call
    ``hand_nothing_on`` first.

    Changing every user id from root to another clears all capabilities (capabilities(7)).
    """
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    if os.getuid() == 0 or os.geteuid() == 0 or may_capture():
        raise AccessError(f"root can't be given up for {account.name}")
