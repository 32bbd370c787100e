"""The phones: baresip, or an Asterisk that registers with the one under test.

Contract: ``start`` returns once it runs, ``stop`` ends it in good order, ``kill`` at once and with
nothing said; ``command`` gives it a command of its own kind.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Protocol

from .asterisk import Asterisk, client_files
from .cases import Case, Side
from .net import VPS, connect, namespaced, stop

CONTROL_PORT = 4444


class Handset(Protocol):
    """What the script needs of a phone."""

    def start(self) -> None:
        """Begin; it registers by itself."""

    def stop(self) -> None:
        """End in good order."""

    def kill(self) -> None:
        """End at once."""

    def command(self, name: str, argument: str = "") -> None:
        """Give it a command."""


class Baresip:
    """The SIP phone `baresip`: answers by itself and plays a tone."""

    def __init__(self, side: Side, user: str, namespace: str, address: str, home: Path) -> None:
        self._namespace = namespace
        self._home = home
        home.mkdir(parents=True)
        (home / "config").write_text(_config(address, home), encoding="utf-8")
        (home / "accounts").write_text(_account(side, user), encoding="utf-8")
        (home / "contacts").write_text("", encoding="utf-8")
        # The same phone in every run: else baresip makes up another identity each time.
        (home / "uuid").write_text(f"5d0c1a9e-4d1a-4f6e-9a50-000000000{user}", encoding="utf-8")

    def start(self) -> None:
        argv = ("baresip", "-4", "-v", "-f", str(self._home))
        self._process = namespaced(self._namespace, argv, self._home / "output")

    def stop(self) -> None:
        stop(self._process)

    def kill(self) -> None:
        stop(self._process, signal.SIGKILL)

    def command(self, name: str, argument: str = "") -> None:
        text = json.dumps({"command": name, "params": argument, "token": "lab"})
        with connect(self._namespace, CONTROL_PORT) as link:
            link.sendall(f"{len(text)}:{text},".encode())
            link.recv(4096)


class AsteriskPhone:
    """Another Asterisk in the phone's place."""

    def __init__(
        self, case: Case, side: Side, chroot: Path, namespace: str, address: str, home: Path
    ) -> None:
        home.mkdir(parents=True)
        self._files = client_files(case, side, address)
        self._chroot = chroot
        self._namespace = namespace
        self._home = home

    def start(self) -> None:
        output = self._home / "output"
        self._asterisk = Asterisk(self._chroot, self._namespace, self._files, output)

    def stop(self) -> None:
        self._asterisk.stop(self._home / "full")

    def kill(self) -> None:
        self._asterisk.kill()

    def command(self, name: str, argument: str = "") -> None:
        self._asterisk.manager.command(f"{name} {argument}".strip())


def _account(side: Side, user: str) -> str:
    phone = side.phone
    options = {
        "auth_pass": phone.password,
        "answermode": "auto",
        "regint": "60",
        "audio_codecs": {"gsm": "gsm", "alaw": "pcma", "ulaw": "pcmu"}[phone.codec],
        "call_transfer": "no",
    }
    if phone.stun:
        options |= {"medianat": "stun", "stunserver": f"stun:{VPS}:3478"}
    options |= dict(phone.options)
    transport = ";transport=tcp" if phone.tcp else ""
    tail = "".join(f";{name}={value}" for name, value in options.items())
    return f"<sip:{user}@{VPS}{transport}>{tail}\n"


def _config(address: str, home: Path) -> str:
    modules = ("stdio", "g711", "gsm", "ausine", "aubridge", "stun")
    lines = [
        "poll_method epoll",
        f"sip_listen {address}:5060",
        "call_local_timeout 120",
        "call_max_calls 4",
        "audio_player aubridge,sink",
        "audio_source ausine,440",
        "audio_alert aubridge,alert",
        "ausrc_srate 48000",
        "ausrc_channels 2",
        "audio_level no",
        "audio_buffer 20-160",
        "rtp_ports 16000-16100",
        "rtcp_mux no",
        "jitter_buffer_delay 5-10",
        "net_interface eth0",
        "module_path /usr/lib/baresip/modules",
        *(f"module {name}.so" for name in modules),
        "module_tmp uuid.so",
        "module_tmp account.so",
        "module_app menu.so",
        "module_app debug_cmd.so",
        "module_app ctrl_tcp.so",
        f"ctrl_tcp_listen 127.0.0.1:{CONTROL_PORT}",
        f"snd_path {home}",
    ]
    return "\n".join(lines) + "\n"
