"""The edit of ``iax2.h`` as a patch or a script: unified diff, sed line, Portage, quilt.

Pure: bytes and values in, bytes out. What is made here is meant to be piped on as it is. Paths are
relative to the root of the Asterisk tree.
"""

from __future__ import annotations

import re

from sipdiag.asterisk.iax2_header import NAME, find
from sipdiag.base.errors import InputError

PATCH_NAME = "iax2-reg-expire.patch"

BACKUP_SUFFIX = ".sipdiag-orig"
"""Of what ``--in-place`` and the sed line keep."""

_CONTEXT = 3
_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_END_OF_PATCH = b"END_OF_IAX2_PATCH"
_PLAIN_PATH = re.compile(r"[\w.+][\w.+/-]*", re.ASCII)
_BEFORE = rf"^[[:space:]]*#[[:space:]]*define[[:space:]]+{NAME}[[:space:]]+"
_AFTER = "([^[:alnum:]_.]|$)"


def check_path(path: str) -> None:
    """Raises ``InputError`` for a path that a patch, git or a shell would read otherwise."""
    if not _PLAIN_PATH.fullmatch(path) or ".." in path.split("/"):
        raise InputError("the header's path has characters in it that a patch can't name safely")


def unified_diff(path: str, before: bytes, after: bytes, first_line: int = 1) -> bytes:
    """One hunk from ``before`` to ``after``, for ``patch -p1`` and ``git apply``; empty where they
    are equal. ``first_line``: the line of the file that ``before`` begins with, from 1.

    Lines end at LF only: a CR before it is a byte of the line like any other.
    """
    check_path(path)
    if before == after:
        return b""
    old, new = _lines(before), _lines(after)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    start = max(0, head - _CONTEXT)
    stop = min(tail, _CONTEXT)
    shown = [
        *(b" " + line for line in old[start:head]),
        *(b"-" + line for line in old[head : len(old) - tail]),
        *(b"+" + line for line in new[head : len(new) - tail]),
        *(b" " + line for line in old[len(old) - tail : len(old) - tail + stop]),
    ]
    at = start + first_line
    old_count, new_count = (len(lines) - tail + stop - start for lines in (old, new))
    return b"".join(
        [
            b"--- a/%s\n+++ b/%s\n" % (path.encode(), path.encode()),
            b"@@ -%d,%d +%d,%d @@\n" % (at, old_count, at, new_count),
            *(line if line.endswith(b"\n") else line + _NO_NEWLINE for line in shown),
        ]
    )


def sed_line(path: str, before: bytes, after: bytes) -> bytes:
    """A line of shell that makes the edit with GNU's or a BSD's sed, from the tree's root; unlike
    sed alone it fails where the define isn't as expected. Raises ``InputError`` where the header's
    define has a shape that one sed expression can't match."""
    old, new = _digits(before), _digits(after)
    _check_sed(before, after, old, new)
    return (
        f"sed -i{BACKUP_SUFFIX} -E '/{_BEFORE}{old}{_AFTER}/s/{old}/{new}/' {path} && "
        f"grep -Eq '{_BEFORE}{new}{_AFTER}' {path}\n"
    ).encode()


def ebuild_script(path: str, package: str, patch: bytes, before: bytes, after: bytes) -> bytes:
    """A shell script that puts the patch where Portage takes it from by itself (EAPI 6 and later,
    ``eapply_user``); a comment in it has the line for an ebuild of one's own. ``package``:
    ``asterisk``, or ``asterisk-16.28.0`` for one version only."""
    old, new = _digits(before), _digits(after)
    _check_sed(before, after, old, new)
    own = (
        f"sed -i -E '/{_BEFORE}{old}{_AFTER}/s/{old}/{new}/' {path} && "
        f"grep -Eq '{_BEFORE}{new}{_AFTER}' {path} || die '{NAME}'"
    )
    return b"".join(
        [
            b"#!/bin/sh\n",
            b"# Portage applies this patch whenever it builds the package (PMS: eapply_user).\n",
            b"# In an ebuild of your own the same is one line of src_prepare(), before "
            b"eapply_user:\n",
            b"#   " + own.encode() + b"\n",
            b"set -eu\n",
            _portage_dir(package),
            b'mkdir -p "$dir"\n',
            b"cat >\"$dir/%s\" <<'%s'\n" % (PATCH_NAME.encode(), _END_OF_PATCH),
            patch,
            _END_OF_PATCH + b"\n",
        ]
    )


def ebuild_revert_script(package: str) -> bytes:
    """The undoing of ``ebuild_script``."""
    return b"".join(
        [
            b"#!/bin/sh\n",
            b"set -eu\n",
            _portage_dir(package),
            b'rm "$dir/%s"\n' % PATCH_NAME.encode(),
            b'rmdir "$dir" 2>/dev/null || :\n',
        ]
    )


def quilt_patch(patch: bytes, before: bytes, after: bytes) -> bytes:
    """The patch with a DEP-3 header, for ``debian/patches``."""
    old, new = find(before).seconds, find(after).seconds
    return (
        f"Description: registrations over IAX2 expire after {new} s, not {old} s\n"
        f" {NAME} is what a client first asks for, and the default of minregexpire\n"
        " and maxregexpire in iax.conf. A router that forgets UDP mappings early\n"
        " needs a smaller one.\n"
        f"Origin: other, sipdiag patch-iax2 --expire {new}\n"
        "Forwarded: not-needed\n"
        "---\n"
    ).encode() + patch


def _portage_dir(package: str) -> bytes:
    path = f"etc/portage/patches/net-misc/{package}"
    return f'dir="${{PORTAGE_CONFIGROOT:-}}/{path}"\n'.encode()


def _lines(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _digits(data: bytes) -> str:
    define = find(data)
    return data[define.start : define.end].decode("ascii")


def _check_sed(before: bytes, after: bytes, old: str, new: str) -> None:
    """Does in Python what the line would do in sed, and compares."""
    space, other = rb"[ \t\n\r\f\v]", rb"[^A-Za-z0-9_.]"
    line = re.compile(
        rb"^%s*#%s*define%s+%s%s+%s(?:%s|$)"
        % (space, space, space, NAME.encode(), space, old.encode(), other)
    )
    made = b"\n".join(
        part.replace(old.encode(), new.encode(), 1) if line.match(part) else part
        for part in before.split(b"\n")
    )
    if made != after:
        raise InputError("this define is written so that one sed line can't do it; use the diff")
