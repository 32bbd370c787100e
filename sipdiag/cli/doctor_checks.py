"""What ``sipdiag doctor`` looks at, area by area.

Contract: ``examine`` gives the areas asked for, in order; a check that fails says what to do. What
can be tried is tried: readers read a capture that is made here, live capture opens its socket.
Nothing is changed on the machine but for a temporary file.
"""

from __future__ import annotations

import enum
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sipdiag import pipeline
from sipdiag._version import __version__
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.errors import AccessError, SipdiagError
from sipdiag.base.interval import NS
from sipdiag.cli.capture_out import PcapWriter, frame
from sipdiag.cli.host import Host, requirement_name

_CAP_NET_RAW = 13
"""capabilities(7), linux/capability.h."""

_CONFIGURATION = "etc/asterisk"
_CONFIGS = ("sip.conf", "pjsip.conf", "iax.conf")
_LOGS = "var/log/asterisk"
_MOST_NAMES = 6


class Area(enum.StrEnum):
    """What a user may want to do."""

    DIAGNOSE = "diagnose"
    """Read captures and logs, and say what is wrong: the main job."""
    TSHARK = "tshark"
    LIVE = "live"
    ASTERISK = "asterisk"
    OUTPUT = "output"


class State(enum.StrEnum):
    """What a check came to."""

    GOOD = "ok"
    NOTE = "note"
    """Something is missing that only some need."""
    LACKS = "lacks"
    """The area doesn't work without it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``remedy`` is empty where nothing is to be done."""

    state: State
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """One area."""

    area: Area
    checks: tuple[Check, ...]

    @property
    def works(self) -> bool:
        """Whether there is something to work with, and nothing lacks that it can't do without."""
        states = {check.state for check in self.checks}
        return State.GOOD in states and State.LACKS not in states

    @property
    def word(self) -> str:
        """How it is, for people."""
        if self.works:
            return "works"
        lacks = any(check.state is State.LACKS for check in self.checks)
        return "does not work" if lacks else "nothing found"


def examine(host: Host, areas: Sequence[Area]) -> list[Examined]:
    """The areas, each with its checks."""
    return [Examined(area, tuple(_AREAS[area](host))) for area in areas]


def _diagnose(host: Host) -> Iterator[Check]:
    yield Check(State.GOOD, f"sipdiag {__version__} on Python {host.python} ({host.system})")
    installed = []
    for requirement in host.requirements:
        name = requirement_name(requirement)
        version = host.versions.get(name)
        extra = re.search(r"extra *== *['\"](\w+)['\"]", requirement)
        if version is not None and (extra is None or extra[1] == "png"):
            installed.append(f"{name} {version}")
        elif extra is None:
            yield Check(State.LACKS, f"{name} isn't installed", _install(name))
        elif extra[1] == "png":
            yield Check(
                State.NOTE,
                f"{name} isn't installed: pictures are written as SVG, not PNG",
                "pip install 'sipdiag[png]'",
            )
    if installed:
        yield Check(State.GOOD, f"libraries: {', '.join(sorted(set(installed)))}")
    yield _reads("native", io.BytesIO(_small_capture()))


def _install(name: str | None) -> str:
    """How to get the library that has this module."""
    return f"pip install {(name or '').partition('.')[0]}"


def _reads(reader: str, source: io.BytesIO | str) -> Check:
    """Whether a reader reads the small capture."""
    try:
        subjects = pipeline.read(source, pipeline.Options(reader=reader))
    except SipdiagError as error:
        return Check(State.LACKS, f"the {reader} reader: {error}", _INSTALL_TSHARK)
    except ModuleNotFoundError as error:
        return Check(State.LACKS, f"the {reader} reader: {error}", _install(error.name))
    if subjects.source.sip_messages != len(_MESSAGES):
        return Check(
            State.LACKS,
            f"the {reader} reader found {subjects.source.sip_messages} of {len(_MESSAGES)} "
            "messages of a capture made here",
            "report this with the output of `sipdiag doctor --json`",
        )
    return Check(
        State.GOOD, f"the {reader} reader: read {len(_MESSAGES)} messages of a capture made here"
    )


_PHONE, _PBX = Endpoint("203.0.113.7", 40123), Endpoint("198.51.100.5", 5060)
_REGISTER = (
    "Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bKdoctor;rport\r\n"
    "From: <sip:101@198.51.100.5>;tag=a\r\nTo: <sip:101@198.51.100.5>\r\n"
    "Call-ID: doctor\r\nCSeq: 1 REGISTER\r\nContact: <sip:101@192.168.1.20:5060>\r\n"
    "Expires: 60\r\nContent-Length: 0\r\n\r\n"
)
_MESSAGES = (
    (_PHONE, _PBX, f"REGISTER sip:198.51.100.5 SIP/2.0\r\n{_REGISTER}"),
    (_PBX, _PHONE, f"SIP/2.0 200 OK\r\n{_REGISTER}"),
)


def _small_capture() -> bytes:
    """A registration, with addresses for documentation (RFC 5737)."""
    file = io.BytesIO()
    writer = PcapWriter(file)
    for number, (src, dst, text) in enumerate(_MESSAGES, 1):
        writer.packet(number * NS, frame(src, dst, text.encode(), number), "")
    return file.getvalue()


_INSTALL_TSHARK = "apt install tshark (Debian), emerge net-analyzer/wireshark (Gentoo)"


def _tshark(host: Host) -> Iterator[Check]:
    program = host.which("tshark")
    if program is None:
        text = "tshark isn't installed: odd encapsulations and TLS (--reader tshark) can't be read"
        yield Check(State.LACKS, text, _INSTALL_TSHARK)
        return
    yield Check(State.GOOD, f"{program}: {host.first_line([program, '--version']) or 'no version'}")
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(_small_capture())
        file.flush()
        yield _reads("tshark", file.name)


def _live(host: Host) -> Iterator[Check]:
    names = [each.name for each in host.interfaces if each.up is not False]
    if names:
        yield Check(State.GOOD, f"interfaces: {_few(names)}")
    else:
        yield Check(State.LACKS, "no network interface is up", "ip link")
    try:
        host.listen()
    except AccessError as error:
        yield Check(State.LACKS, str(error), _how_to_be_let(host))
    except ModuleNotFoundError as error:
        yield Check(State.LACKS, str(error), _install(error.name))
    else:
        yield Check(State.GOOD, f"a capture socket can be opened ({_who(host)})")
    if host.which("tcpdump") or host.which("dumpcap"):
        found = [name for name in ("tcpdump", "dumpcap") if host.which(name)]
        yield Check(State.GOOD, f"to capture into files: {', '.join(found)}")
    else:
        text = "neither tcpdump nor dumpcap is installed: `live --write` captures, too"
        yield Check(State.NOTE, text, "apt install tcpdump")


def _who(host: Host) -> str:
    if host.user_id == 0:
        return "root"
    raw = host.capabilities is not None and host.capabilities >> _CAP_NET_RAW & 1
    return "CAP_NET_RAW" if raw else f"user {host.user_id}"


def _how_to_be_let(host: Host) -> str:
    if not host.system.startswith("linux"):
        return "tcpdump -i any -s 0 -w FILE udp, then: sipdiag analyse FILE"
    if host.user_id == 0:
        return "CAP_NET_RAW was taken from root; in a container: run it with --cap-add=NET_RAW"
    return "sudo sipdiag live -i any (or a systemd unit with AmbientCapabilities=CAP_NET_RAW)"


def _asterisk(host: Host) -> Iterator[Check]:
    program = host.which("asterisk") or _sbin(host)
    if program is None:
        yield Check(State.NOTE, "Asterisk isn't installed here: copy captures and logs to here")
    else:
        said = host.first_line([program, "-V"])
        yield Check(State.GOOD, f"{program}: {said or 'its version is not told'}")
    yield _configuration(host)
    yield _logs(host)


def _sbin(host: Host) -> str | None:
    """Where Asterisk is installed, which isn't on everybody's PATH."""
    found = (host.root / path for path in ("usr/sbin/asterisk", "usr/local/sbin/asterisk"))
    return next((str(path) for path in found if os.access(path, os.X_OK)), None)


def _configuration(host: Host) -> Check:
    folder = host.root / _CONFIGURATION
    try:
        present = [name for name in _CONFIGS if (folder / name).exists()]
        unreadable = [name for name in present if not os.access(folder / name, os.R_OK)]
        names = os.listdir(folder)
    except FileNotFoundError:
        return Check(State.NOTE, f"{folder} isn't there: `advise --config` takes a copy of it, too")
    except OSError as error:
        return Check(
            State.LACKS,
            f"{folder} can't be read: {error.strerror}",
            "run as the user asterisk or as root: sudo sipdiag advise ...",
        )
    if unreadable:
        return Check(
            State.LACKS,
            f"{folder}: {', '.join(unreadable)} can't be read",
            "run as the user asterisk or as root: sudo sipdiag advise ...",
        )
    if not present:
        return Check(State.NOTE, f"{folder} has none of {', '.join(_CONFIGS)} ({len(names)} files)")
    return Check(State.GOOD, f"{folder}: {', '.join(present)} can be read")


def _logs(host: Host) -> Check:
    folder = host.root / _LOGS
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except FileNotFoundError:
        return Check(State.NOTE, f"{folder} isn't there: no log of Asterisk's to read")
    except OSError as error:
        return Check(State.NOTE, f"{folder} can't be read: {error.strerror}", "run as root")
    named = [path for path in files if path.name.startswith(("full", "messages", "debug"))]
    if not named:
        text = f"{folder} has no full, messages or debug log"
        return Check(State.NOTE, text, "logger.conf: full => notice,warning,error,verbose,debug")
    refused = [path.name for path in named if not os.access(path, os.R_OK)]
    if refused:
        return Check(State.NOTE, f"{folder}: {_few(refused)} can't be read", "run as root")
    return Check(State.GOOD, f"logs: {_few([str(path) for path in named])}")


def _output(host: Host) -> Iterator[Check]:
    where = f"a terminal, {host.columns} columns" if host.terminal else "no terminal: 80 columns"
    colour = host.terminal and "NO_COLOR" not in host.environ
    yield Check(State.GOOD, f"output goes to {where}, {'with' if colour else 'without'} colour")
    if host.encoding.lower().replace("-", "") == "utf8":
        yield Check(State.GOOD, f"encoding: {host.encoding}")
    else:
        text = f"encoding: {host.encoding}: names that aren't ASCII are shown escaped"
        yield Check(State.NOTE, text, "export LC_ALL=C.UTF-8")
    yield Check(State.GOOD, f"time zone here: {host.zone}; times are shown in UTC")
    yield _zones()


def _zones() -> Check:
    import zoneinfo

    if zoneinfo.available_timezones():
        return Check(State.GOOD, "a log without a zone is read as UTC; --tz Europe/Berlin sets it")
    return Check(
        State.NOTE,
        "no time zone database: --tz takes offsets only, such as +02:00",
        "apt install tzdata, or pip install tzdata",
    )


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


_AREAS: dict[Area, Callable[[Host], Iterator[Check]]] = {
    Area.DIAGNOSE: _diagnose,
    Area.TSHARK: _tshark,
    Area.LIVE: _live,
    Area.ASTERISK: _asterisk,
    Area.OUTPUT: _output,
}
