"""An Asterisk rebuilt from Debian's source package with the patch of ``sipdiag patch-iax2``.

``python -m tests.lab.patched [SUITE]`` makes the chroot ``SUITE-patched`` from that of ``prepare``:
build dependencies, the source package, ``sipdiag patch-iax2 TREE --expire 25 --debian`` as one
more patch of the package, ``dpkg-buildpackage``, and the built packages installed. It takes a
quarter of an hour, mostly at low priority, and 3 GB while it does.

Contract: does nothing where the chroot is there; leaves none where a step fails. Exit code 4 then,
with the step. The patch is the only change; the package's version gets ``+expire25``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .cases import RELEASES
from .net import LabError, sh
from .prepare import lab_dir, mirror
from .sources import fetch

BUILD = "patched"
EXPIRE_S = 25
PATCH = "iax2-reg-expire.patch"
_SOURCE = Path("usr/src/asterisk")
_INSTALL = ("-y", "--no-install-recommends")


def main(argv: list[str] | None = None) -> int:
    """Build for one suite."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.patched", description=__doc__)
    parser.add_argument("suite", nargs="?", default="sid", choices=sorted(RELEASES.values()))
    suite = parser.parse_args(argv).suite
    try:
        build(suite)
    except LabError as error:
        print(error, file=sys.stderr)
        return 4
    return 0


def build(suite: str) -> None:
    """Make the chroot, unless it is there."""
    target = lab_dir() / f"{suite}-{BUILD}"
    if (target / "usr/sbin/asterisk").exists():
        return
    with tempfile.TemporaryDirectory() as scratch:
        # First, as an old suite's source may be gone: then all else would be in vain.
        source = fetch(suite, Path(scratch))
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        sh("cp", "-a", "--reflink=auto", str(lab_dir() / suite), str(part))
        shutil.rmtree(part / "lab", ignore_errors=True)
        home = part / _SOURCE
        home.mkdir(parents=True)
        for file in source.parent.glob("asterisk_*"):
            shutil.copy(file, home)
    try:
        _dependencies(part, suite)
        _patch(part, source.name)
        _build(part)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    part.rename(target)


def _dependencies(part: Path, suite: str) -> None:
    resolver = part / "etc/resolv.conf"
    kept = resolver.read_bytes()
    shutil.copyfile("/etc/resolv.conf", resolver)
    lines = f"deb-src {mirror()} {suite} main\n"
    (part / "etc/apt/sources.list.d/src.list").write_text(lines, encoding="utf-8")
    _inside(part, "apt-get", "-o", "Acquire::Check-Valid-Until=no", "update")
    _inside(part, "apt-get", "install", *_INSTALL, "dpkg-dev")
    _inside(part, "apt-get", "build-dep", *_INSTALL, "asterisk")
    resolver.write_bytes(kept)


def _patch(part: Path, source: str) -> None:
    _inside(part, "sh", "-c", f"cd /{_SOURCE} && dpkg-source -x {source} tree")
    tree = part / _SOURCE / "tree"
    words = ("patch-iax2", str(tree), "--expire", str(EXPIRE_S), "--debian", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", *words], capture_output=True, check=False
    )
    if done.returncode or not done.stdout:
        raise LabError(f"sipdiag patch-iax2: {done.stderr.decode(errors='replace').strip()}")
    patches = tree / "debian/patches"
    (patches / PATCH).write_bytes(done.stdout)
    with (patches / "series").open("a", encoding="utf-8") as series:
        series.write(f"{PATCH}\n")
    changes = tree / "debian/changelog"
    first, rest = changes.read_text(encoding="utf-8").split("\n", 1)
    marked = first.replace(")", f"+expire{EXPIRE_S})", 1)
    changes.write_text(f"{marked}\n{rest}", encoding="utf-8")


def _build(part: Path) -> None:
    _inside(part, "sh", "-c", f"cd /{_SOURCE}/tree && dpkg-buildpackage -b -uc -us")
    home = part / _SOURCE
    known = sh("chroot", str(part), "dpkg-query", "-W", "-f", "${Package} ").split()
    debs = [deb.name for deb in sorted(home.glob("*.deb")) if deb.name.split("_")[0] in known]
    _inside(part, "sh", "-c", f"cd /{_SOURCE} && dpkg -i {' '.join(debs)}")
    shutil.rmtree(home)


def _inside(part: Path, *argv: str) -> None:
    environment = os.environ | {
        "DEBIAN_FRONTEND": "noninteractive",
        "DEB_BUILD_OPTIONS": f"nocheck noautodbgsym terse parallel={os.cpu_count() or 1}",
        "LC_ALL": "C.UTF-8",
    }
    log = part.with_suffix(".log")
    with log.open("ab") as stream:
        command = ["nice", "-n", "15", "chroot", str(part), *argv]
        done = subprocess.run(command, env=environment, stdout=stream, stderr=stream, check=False)
    if done.returncode:
        raise LabError(f"failed: {' '.join(argv[:3])}; see {log}")


if __name__ == "__main__":
    sys.exit(main())
