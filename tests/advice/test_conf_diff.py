"""Diffs apply with patch and git, whatever had to be left out of their context."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sipdiag.advice.conf_diff import edited, gives_away, may_be_shown, unified_diff

_LINES = st.sampled_from([b"a=1", b"b=2", b"secret=geheim", b"", b"[s]", b"c=3", b"x=\x1b[2J"])


@pytest.mark.parametrize(
    "line",
    [
        b"secret=x", b" md5secret => x", b";secret=old", b"password = x", b"remotesecret=x",
        b"register => me:pw@host", b"auth=me:pw@realm", b"inbound_auth/password=x",
        b"contact=sip:me:pw@host", b"turnpassword=x", b"setvar=PIN=1", b"md5_cred=x",
        b"x=\x1b[2J", b"x=\xff", "x=\u202e".encode(), b"#exec /bin/x --token y",
        b"refresh_token=x", b"oauth_clientid=1 ; secret", b"tlsprivatekey=/x",
    ],
)  # fmt: skip
def test_what_is_never_shown(line: bytes) -> None:
    assert not may_be_shown(line + b"\n")


@pytest.mark.parametrize(
    "line",
    [b"nat=yes", b"\thost=dynamic\r\n", b"contact=sip:host", b"; keepalive", "x=ü".encode()],
)
def test_what_is_shown(line: bytes) -> None:
    assert may_be_shown(line)


def test_context_ends_before_a_secret() -> None:
    lines = [b"[a]\n", b"x=1\n", b"secret=s\n", b"nat=no\n", b"y=1\n", b"z=1\n"]
    diff = unified_diff("sip.conf", lines, {4: [b"nat=yes\n"]})
    assert diff == b"--- a/sip.conf\n+++ b/sip.conf\n@@ -4 +4 @@\n-nat=no\n+nat=yes\n"
    assert unified_diff("sip.conf", lines, {}) == b""


def test_a_line_put_behind_a_last_line_that_is_a_secret_would_show_it() -> None:
    assert gives_away([b"[a]\n", b"secret=s"], {2: [b"secret=s", b"nat=yes\n"]})
    assert not gives_away([b"[a]\n", b"secret=s\n"], {2: [b"secret=s\n", b"nat=yes\n"]})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    pieces=st.lists(_LINES, min_size=1, max_size=20),
    crlf=st.booleans(),
    ended=st.booleans(),
    changes=st.dictionaries(st.integers(1, 20), st.booleans(), min_size=1, max_size=4),
)
def test_it_applies(
    pieces: list[bytes],
    crlf: bool,
    ended: bool,
    changes: dict[int, bool],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    end = b"\r\n" if crlf else b"\n"
    lines = [piece + end for piece in pieces]
    if not ended:
        lines[-1] = pieces[-1] or b"last"
    edits = {}
    for number, replaced in changes.items():
        if number <= len(lines):
            old = lines[number - 1]
            replaced = replaced and may_be_shown(old)
            edits[number] = [b"new=1" + end] if replaced else [old, b"new=2" + end]
    if not edits or gives_away(lines, edits):
        return
    diff, after = unified_diff("sip.conf", lines, edits), edited(lines, edits)
    assert b"geheim" not in diff and b"\x1b" not in diff
    folder = tmp_path_factory.mktemp("diff")
    file: Path = folder / "sip.conf"
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    for tool in (["patch", "-s", "-p1", "--fuzz=0"], ["git", "apply", "--unidiff-zero"]):
        file.write_bytes(b"".join(lines))
        subprocess.run(tool, cwd=folder, input=diff, check=True, capture_output=True, env=env)
        assert file.read_bytes() == after
