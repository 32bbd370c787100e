"""What the lab needs on a machine: Debian packages and two chroots with Asterisk.

Contract: ``prepare`` installs what is missing and is quick when nothing is; ``missing`` says what
is not there, as sentences, and changes nothing. The chroots come from the mirror that this
machine's own apt uses, asked for at run time.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

from .cases import RELEASES
from .net import LabError, missing_hosts, sh

PACKAGES = {
    "baresip-core": "baresip",
    "conntrack": "conntrack",
    "debootstrap": "debootstrap",
    "ethtool": "ethtool",
    "iproute2": "ip",
    "nftables": "nft",
    "procps": "sysctl",
    "tcpdump": "tcpdump",
}
_REPOSITORY = 3
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def lab_dir() -> Path:
    """Where the chroots and the runs live."""
    own = os.environ.get("SIPDIAG_LAB_DIR")
    return Path(own) if own else Path(__file__).resolve().parents[2] / ".lab"


def missing() -> list[str]:
    """What keeps the lab from running here."""
    if platform.system() != "Linux":
        return ["the lab needs Linux"]
    if os.geteuid() != 0:
        return ["the lab needs root"]
    found = [
        f"no {program} (package {package})"
        for package, program in PACKAGES.items()
        if shutil.which(program, path=_PATH) is None
    ]
    found += [
        f"no Asterisk {release} in {lab_dir() / suite}"
        for release, suite in RELEASES.items()
        if not (lab_dir() / suite / "usr/sbin/asterisk").exists()
    ]
    if not found and (why := missing_hosts()):
        found.append(f"no network namespaces: {why}")
    return found


def prepare() -> None:
    """Install what is missing."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise LabError("the lab needs root on Linux")
    packages = [
        package
        for package, program in PACKAGES.items()
        if shutil.which(program, path=_PATH) is None
    ]
    if packages:
        _run("apt-get", "update")
        _run("apt-get", "install", "-y", "--no-install-recommends", *packages)
    for suite in RELEASES.values():
        _chroot(lab_dir() / suite, suite)


def version_of_asterisk(suite: str) -> str:
    """The Asterisk in a chroot, as it names itself."""
    return sh("chroot", str(lab_dir() / suite), "asterisk", "-V").strip()


def version_of_phone(kind: str, suite: str) -> str:
    """The phone program's version."""
    if kind != "baresip":
        return version_of_asterisk(suite).removeprefix("Asterisk ")
    return sh("dpkg-query", "-W", "-f", "${Version}", "baresip-core").strip()


def _chroot(target: Path, suite: str) -> None:
    if (target / "usr/sbin/asterisk").exists():
        return
    archive = mirror()
    if not (target / "etc/debian_version").exists() or (target / "debootstrap").exists():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        _run("debootstrap", "--variant=minbase", suite, str(target), archive)
    no_services = target / "usr/sbin/policy-rc.d"
    no_services.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    no_services.chmod(0o755)
    sources = target / "etc/apt/sources.list"
    sources.write_text(f"deb {archive} {suite} main\n", encoding="utf-8")
    resolver = target / "etc/resolv.conf"
    shutil.copyfile("/etc/resolv.conf", resolver)
    # A mirror kept as it was on some day is as good; the signature is still checked.
    _run("chroot", str(target), "apt-get", "-o", "Acquire::Check-Valid-Until=no", "update")
    install = ("apt-get", "install", "-y", "--no-install-recommends")
    _run("chroot", str(target), *install, "asterisk", "asterisk-modules")
    # A closed port answers at once; with no name server in reach Asterisk stalls for 10 s.
    resolver.write_text("nameserver 127.0.0.1\n", encoding="utf-8")
    names = "127.0.0.1 localhost pbx\n"
    (target / "etc/hosts").write_text(names, encoding="utf-8")


def mirror() -> str:
    """The Debian mirror of this machine's apt: its main archive, not the security one."""
    wanted = "$(REPO_URI) $(ORIGIN) $(LABEL)"
    listed = sh("apt-get", "indextargets", "--format", wanted, "Created-By: Packages")
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) == _REPOSITORY and fields[1:] == ["Debian", "Debian"]:
            return fields[0]
    raise LabError("this machine's apt has no Debian mirror; is it Debian?")


def _run(*argv: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "PATH": _PATH}
    if subprocess.run(argv, env=environment, check=False).returncode:
        raise LabError(f"failed: {' '.join(argv[:4])}")
