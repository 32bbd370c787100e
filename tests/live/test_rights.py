"""Which right is needed, and how it is got and given up."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys

import pytest

from sipdiag.base.errors import UsageError
from sipdiag.live.rights import account_of, lacking

ROOT = os.geteuid() == 0


def test_the_words_name_the_real_interpreter_and_systemds_line() -> None:
    text = "\n".join(lacking())
    assert f"setcap cap_net_raw+ep {os.path.realpath(sys.executable)}" in text
    assert "AmbientCapabilities=CAP_NET_RAW" in text
    assert all(len(line) <= 120 for line in lacking())


def test_unknown_users_and_root_are_refused() -> None:
    with pytest.raises(UsageError, match="there is no user"):
        account_of("no such user")
    with pytest.raises(UsageError, match="root is what"):
        account_of(pwd.getpwuid(0).pw_name)


@pytest.mark.skipif(ROOT, reason="is root")
def test_without_root_there_is_nothing_to_give_up() -> None:
    with pytest.raises(UsageError, match="start as root"):
        account_of("nobody")


@pytest.mark.skipif(not ROOT, reason="needs root to give it up")
def test_root_is_given_up_for_good() -> None:
    script = """
import os, socket
from sipdiag.live.rights import account_of, drop_to, hand_nothing_on, may_capture
assert may_capture()
kept = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
hand_nothing_on(account_of("nobody"))
drop_to(account_of("nobody"))
print(os.getresuid(), os.getresgid(), os.getgroups(), may_capture())
for act in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]),
            lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)):
    try:
        act()
        print("had back")
    except PermissionError:
        pass
status = open("/proc/self/status").read()
print([line.split()[1] for line in status.splitlines() if line.startswith(("Cap", "NoNew"))])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    nobody = pwd.getpwnam("nobody")
    ids, capabilities = done.stdout.splitlines()
    uid, gid = nobody.pw_uid, nobody.pw_gid
    assert ids == f"({uid}, {uid}, {uid}) ({gid}, {gid}, {gid}) [] False"
    _, permitted, effective, _, ambient, no_new = eval(capabilities)
    assert {int(c, 16) for c in (permitted, effective, ambient)} == {0}
    assert no_new == "1"


@pytest.mark.skipif(not ROOT, reason="needs root to hand a right on")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv isn't installed")
def test_the_right_that_systemd_gives_goes_to_nobody_else() -> None:
    script = """
import subprocess, threading
from sipdiag.live.rights import hand_nothing_on
def tell():
    said = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout
    print(*[int(line.split()[1], 16) for line in said.splitlines() if line.startswith("CapAmb")])
tell()
hand_nothing_on(None)
threading.Thread(target=tell).start()
"""
    rights = ["--inh-caps=+net_raw", "--ambient-caps=+net_raw"]
    done = subprocess.run(
        ["setpriv", *rights, sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(1 << 13), "0"]
