"""``sipdiag patch-iax2 [PATH]``: another registration expiry in Asterisk's ``iax2.h``.

Standard output gets the patch or script and nothing else, so that it can be piped on; what it
means, and what would do without it, goes to standard error. Exit code 0 also where the header has
the value already; 2 for what can't work, 3 where there is no header, 4 where a right is missing.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from sipdiag import pipeline
from sipdiag.advice import iax2_patch as advice
from sipdiag.asterisk.iax2_header import NAME, STOCK_S, check_seconds, find, with_seconds
from sipdiag.asterisk.iax2_header_files import Found, locate, original, restore, write
from sipdiag.asterisk.iax2_header_patch import (
    PATCH_NAME,
    ebuild_revert_script,
    ebuild_script,
    quilt_patch,
    sed_line,
    unified_diff,
)
from sipdiag.asterisk.iax2_header_versions import Release, beyond_record, parse_release, recorded
from sipdiag.base.errors import UsageError
from sipdiag.cli.common import Local, ReaderKind, options_of
from sipdiag.findings import judge
from sipdiag.findings.context import Context
from sipdiag.report.safe import plain


class _Form(enum.StrEnum):
    DIFF = "diff"
    IN_PLACE = "in-place"
    SED = "sed"
    EBUILD = "ebuild"
    DEBIAN = "debian"


def command(
    path: Annotated[
        Path | None,
        typer.Argument(help="iax2.h, an Asterisk source tree, or a tarball of one."),
    ] = None,
    expire: Annotated[
        int | None, typer.Option("--expire", help="The new value in seconds.", metavar="N")
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="A capture to take the value from.", metavar="FILE"),
    ] = None,
    asterisk: Annotated[
        str | None,
        typer.Option(
            "--asterisk",
            help="The version; without PATH the patch is written from what is known of it.",
            metavar="VERSION",
        ),
    ] = None,
    side: Annotated[
        advice.Side | None,
        typer.Option("--side", help="Where the patched Asterisk will run."),
    ] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Edit the file.")] = False,
    sed: Annotated[bool, typer.Option("--sed", help="A sed line.")] = False,
    ebuild: Annotated[bool, typer.Option("--ebuild", help="A script for Portage.")] = False,
    debian: Annotated[bool, typer.Option("--debian", help="A quilt patch.")] = False,
    revert: Annotated[bool, typer.Option("--revert", help="The way back.")] = False,
    local: Local = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say what is needed, explain nothing.")
    ] = False,
) -> None:
    """Write a patch for the registration expiry compiled into Asterisk (IAX2)."""
    form = _form(in_place=in_place, sed=sed, ebuild=ebuild, debian=debian)
    if expire is not None:
        check_seconds(expire)
    release = parse_release(asterisk) if asterisk else None
    if revert:
        if from_ is not None or side is not None:
            raise UsageError("--revert goes by the header alone: neither --from nor --side")
        _revert(path, expire, release, form)
        return
    if expire is None and from_ is None:
        raise UsageError("say --expire N (seconds), or --from FILE to take it from a capture")
    target, first_line = _target(path, release)
    release = release or target.release
    seconds = expire or 0
    if from_ is not None:
        seconds = _from_capture(from_, expire, side, release, local)
    if not quiet:
        _recommend(release, seconds, side)
    before = target.data
    now = find(before).seconds
    after = with_seconds(before, seconds)
    if now == seconds:
        _say([f"{target.path} says {seconds} s already: nothing to do."])
        return
    if now != STOCK_S:
        _say([f"Note: {target.path} says {now} s, not the usual {STOCK_S} s: patched before."])
    if not quiet:
        _say(advice.meaning(release, seconds))
    _deliver(form, target, after, first_line, release)


def _form(*, in_place: bool, sed: bool, ebuild: bool, debian: bool) -> _Form:
    asked = [
        form
        for form, wanted in (
            (_Form.IN_PLACE, in_place),
            (_Form.SED, sed),
            (_Form.EBUILD, ebuild),
            (_Form.DEBIAN, debian),
        )
        if wanted
    ]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0].value} and --{asked[1].value} don't go together")
    return asked[0] if asked else _Form.DIFF


def _from_capture(
    source: str,
    expire: int | None,
    side: advice.Side | None,
    release: Release | None,
    local: list[str] | None,
) -> int:
    """The value, from a capture's diagnosis where it isn't given; says which case holds."""
    options = options_of(local, None, ReaderKind.NATIVE, None)
    context = Context(pipeline.read(source, options))
    plan = advice.read(context.reaches, judge(context).findings)
    _say(advice.seen(plan))
    seconds = expire if expire is not None else advice.choose_seconds(plan.lifetime)
    advice.check_lifetime(seconds, plan.lifetime)
    case = advice.case_of(plan, seconds)
    _say(advice.explain(plan, case, seconds))
    advice.check_side(plan, case, side, release, seconds)
    return seconds


def _target(path: Path | None, release: Release | None) -> tuple[Found, int]:
    """The header to patch, or what is known of a named version's; and the line it begins with."""
    if path is not None:
        found = locate(path)
        if not found.rooted:
            _say([f"Note: the patch names {found.path}; apply it where that is its path."])
        return found, 1
    if release is None:
        raise UsageError("say which: a PATH (iax2.h, source tree, tarball), or --asterisk VERSION")
    known = recorded(release)
    _say(
        [
            f"Note: the file itself wasn't seen. This is for {known.path} as that release has it"
            + (
                ", or had it in the newest one that was looked at."
                if beyond_record(release)
                else "; a distribution may have changed it."
            )
        ]
    )
    return Found(known.path, known.text, None, release), known.line - 1


def _recommend(release: Release | None, seconds: int, side: advice.Side | None) -> None:
    server = None if side is advice.Side.CLIENT else release
    lines = advice.settings(server, seconds)
    if lines:
        since = "" if server is not None else " (Asterisk 1.2.0 and later)"
        _say([f"First choice, with nothing rebuilt{since}: the server's iax.conf"])
        _say(["", *(f"    {line}" for line in lines), ""])
        _say(["then `iax2 reload` on the server. A patch is for where that can't be."])
    if side is not advice.Side.SERVER:
        _say([advice.unchangeable(seconds)])


def _revert(path: Path | None, expire: int | None, release: Release | None, form: _Form) -> None:
    if form is _Form.DEBIAN:
        raise UsageError(f"a Debian patch is taken out again with: quilt delete -r {PATCH_NAME}")
    if form is _Form.EBUILD:
        _emit(ebuild_revert_script(_package(release)))
        return
    if path is None:
        if expire is None:
            raise UsageError("--revert without a PATH needs --expire: the value to go back from")
        stock, first_line = _target(None, release)
        target = stock._replace(data=with_seconds(stock.data, expire))
    else:
        target, first_line = _target(path, release)
    after = original(target.file, target.data)
    now, then = find(target.data).seconds, find(after).seconds
    if after == target.data:
        _say([f"{target.path} says {now} s, as it comes: nothing to revert."])
        return
    if expire is not None and now != expire:
        _say([f"Note: {target.path} says {now} s, not {expire} s."])
    _say([f"Back from {now} s to {then} s."])
    if form is _Form.IN_PLACE:
        restore(_file(target), target.data, after)
        return
    _deliver(form, target, after, first_line, release)


def _deliver(
    form: _Form, target: Found, after: bytes, first_line: int, release: Release | None
) -> None:
    before = target.data
    patch = unified_diff(target.path, before, after, first_line)
    if form is _Form.IN_PLACE:
        backup = write(_file(target), before, after)
        _say([f"{target.file}: {NAME} is {find(after).seconds} now; as it was: {backup}"])
    elif form is _Form.SED:
        _emit(sed_line(target.path, before, after))
        if not before.endswith(b"\n"):
            _say(["Note: the header's last line has no end; some seds give it one."])
    elif form is _Form.EBUILD:
        _emit(ebuild_script(target.path, _package(release), patch, before, after))
    elif form is _Form.DEBIAN:
        _emit(quilt_patch(patch, before, after))
        _say([f"Goes to debian/patches/{PATCH_NAME}, and its name to debian/patches/series."])
    else:
        _emit(patch)


def _file(target: Found) -> Path:
    if target.file is None:
        raise UsageError("--in-place needs a header or a tree on disk, not a tarball or a version")
    return target.file


def _package(release: Release | None) -> str:
    """The folder's name under /etc/portage/patches/net-misc."""
    if release is None or release.stage or release.certified:
        return "asterisk"
    return "asterisk-" + ".".join(str(number) for number in release.numbers)


def _emit(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(plain(line), file=sys.stderr)
