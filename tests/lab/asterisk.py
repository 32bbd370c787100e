"""An Asterisk of one run: its configuration, its process and its manager interface.

Contract: ``Asterisk`` writes a directory of its own inside the chroot, starts Asterisk on a host
and answers when its manager does; ``stop`` ends it and takes its log out. ``originate`` places a
call and says whether it was answered in time.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from .cases import Case, Phone, Server, Side
from .net import VPS, LabError, await_news, connect, namespaced, pause, stop

MANAGER_PORT = 5038
_FIRST = ("res_timing_timerfd", "res_crypto", "pbx_config", "app_milliwatt")
_FORMATS = ("codec_ulaw", "codec_alaw", "codec_gsm", "bridge_simple")
_RTP = (
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_pjproject",
    "res_rtp_asterisk",
)
_MODULES = {
    "chan_sip": (*_RTP, "chan_sip"),
    "chan_iax2": ("chan_iax2",),
    "chan_pjsip": (
        *_RTP,
        "res_pjsip",
        "res_pjsip_pubsub",
        "res_pjsip_session",
        "res_pjsip_acl",
        "res_pjsip_authenticator_digest",
        "res_pjsip_endpoint_identifier_user",
        "res_pjsip_registrar",
        "res_pjsip_nat",
        "res_pjsip_sdp_rtp",
        "res_pjsip_rfc3326",
        "res_pjsip_caller_id",
        "res_pjsip_logger",
        "chan_pjsip",
    ),
}
_DEBUG = {
    "chan_sip": "sip set debug on",
    "chan_pjsip": "pjsip set logger on",
    "chan_iax2": "iax2 set debug on",
}
# Asterisk asks for its host's name and writes it down: let it be the same on every machine.
_OWN_NAME = ("unshare", "--uts", "sh", "-c", 'echo pbx >/proc/sys/kernel/hostname; exec "$@"', "sh")
_DIAL = {"chan_sip": "SIP/{}", "chan_pjsip": "PJSIP/{}", "chan_iax2": "IAX2/{}/s"}

Files = dict[str, str]


class Asterisk:
    """One running Asterisk."""

    def __init__(self, chroot: Path, namespace: str, files: Files, scratch: Path) -> None:
        self._name = secrets.token_hex(4)
        self._home = chroot / "lab" / self._name
        self._namespace = namespace
        for name in ("etc", "run", "log", "db", "spool", "data/keys"):
            (self._home / name).mkdir(parents=True)
        for name, text in files.items():
            (self._home / "etc" / name).write_text(text, encoding="utf-8")
        paths = self._paths(chroot)
        (self._home / "etc" / "asterisk.conf").write_text(paths, encoding="utf-8")
        config = f"/lab/{self._name}/etc/asterisk.conf"
        program = ("chroot", str(chroot), "env", "TZ=UTC", "asterisk", "-f", "-C", config)
        self._process = namespaced(namespace, (*_OWN_NAME, *program), scratch)
        try:
            self.manager = Manager(namespace, self._process)
        except BaseException:
            self.stop(None)
            raise

    def stop(self, log: Path | None) -> None:
        """End it; keep its log if told where."""
        if hasattr(self, "manager"):
            self.manager.close()
        stop(self._process)
        full = self._home / "log" / "full"
        if log is not None and full.exists():
            shutil.copyfile(full, log)
        shutil.rmtree(self._home, ignore_errors=True)

    def kill(self) -> None:
        """End it at once, with nothing said on the wire."""
        self.manager.close()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _paths(self, chroot: Path) -> str:
        found = sorted(chroot.glob("usr/lib/**/asterisk/modules"))
        if not found:
            raise LabError(f"no Asterisk in {chroot}")
        own = f"/lab/{self._name}"
        table = {
            "astetcdir": f"{own}/etc",
            "astmoddir": f"/{found[0].relative_to(chroot)}",
            "astvarlibdir": f"{own}/data",
            "astdbdir": f"{own}/db",
            "astkeydir": f"{own}/data",
            "astdatadir": "/usr/share/asterisk",
            "astagidir": f"{own}/data",
            "astspooldir": f"{own}/spool",
            "astrundir": f"{own}/run",
            "astlogdir": f"{own}/log",
        }
        return _section("directories", table, "=>") + _section("options", {"verbose": "0"})


class Manager:
    """Asterisk's manager interface, as much of it as placing calls needs."""

    def __init__(self, namespace: str, process: subprocess.Popen[bytes]) -> None:
        self._socket = _reach(namespace, process)
        self._socket.settimeout(None)
        self._news = threading.Condition()
        self._replies: dict[str, dict[str, str]] = {}
        self._results: dict[str, dict[str, str]] = {}
        threading.Thread(target=self._read, daemon=True).start()
        self.action("Login", Username="lab", Secret="lab")
        self._booted(process)

    def action(self, name: str, **fields: str) -> str:
        """Send an action; its id once Asterisk said yes."""
        key = secrets.token_hex(4)
        lines = [f"Action: {name}", f"ActionID: {key}"]
        lines += [f"{field}: {value}" for field, value in fields.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        with self._news:
            if not await_news(self._news, lambda: key in self._replies, 20):
                raise LabError(f"no answer to {name}")
            reply = self._replies.pop(key)
        if reply.get("Response") == "Error":
            raise LabError(f"{name}: {reply.get('Message', 'refused')}")
        return key

    def command(self, line: str) -> None:
        """Run a line of Asterisk's console."""
        self.action("Command", Command=line)

    def originate(self, channel: str, ring_s: float) -> str:
        """Place a call; the channel's name, or an empty string when nobody answered."""
        timeout = str(int(ring_s * 1000))
        call = {"Channel": channel, "Application": "Milliwatt", "Timeout": timeout}
        key = self.action("Originate", CallerID="Lab <200>", Async="true", **call)
        with self._news:
            if not await_news(self._news, lambda: key in self._results, ring_s + 45):
                raise LabError(f"no end to the call to {channel}")
            result = self._results.pop(key)
        return result["Channel"] if result.get("Response") == "Success" else ""

    def hang_up(self, channel: str) -> None:
        """End a call; one that has ended by itself is no error."""
        with contextlib.suppress(LabError):
            self.action("Hangup", Channel=channel)

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _booted(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(LabError):
                self.action("CoreStatus")
                self.action("Command", Command="core waitfullybooted")
                return
            pause(0.2)
        raise LabError("Asterisk did not finish its start")

    def _read(self) -> None:
        with self._socket.makefile("r", encoding="utf-8", errors="replace") as lines:
            message: dict[str, str] = {}
            while True:
                try:
                    line = lines.readline()
                except (OSError, ValueError):
                    return
                if not line:
                    return
                name, colon, value = line.strip().partition(":")
                if colon:
                    message[name] = value.strip()
                elif not name and message:
                    self._sort(message)
                    message = {}

    def _sort(self, message: dict[str, str]) -> None:
        key = message.get("ActionID", "")
        with self._news:
            if message.get("Event") == "OriginateResponse":
                self._results[key] = message
            elif "Response" in message:
                self._replies[key] = message
            self._news.notify_all()


def dial(case: Case, user: str) -> str:
    """The channel that calls a user."""
    return _DIAL[case.channel].format(user)


def debug(case: Case) -> str:
    """The console line that writes every message to the log."""
    return _DEBUG[case.channel]


def server_files(case: Case, side: Side) -> Files:
    """The configuration of the Asterisk under test."""
    channel = {"chan_sip": _sip, "chan_pjsip": _pjsip, "chan_iax2": _iax}[case.channel]
    return _common(case.channel, side.server.dateformat) | channel(side.server, side.phone)


def client_files(case: Case, side: Side, address: str) -> Files:
    """The configuration of an Asterisk that plays the phone."""
    phone = side.phone
    user = phone.users[0]
    login = f"{user}:{phone.password}@{VPS}"
    peer = {"type": "peer", "host": VPS, "context": "inbound", "disallow": "all"}
    peer["allow"] = phone.codec
    if phone.kind == "asterisk-iax2":
        general = {"bindaddr": address, "context": "inbound", **phone.options}
        guest = {"type": "user", "context": "inbound", "disallow": "all", "allow": phone.codec}
        text = _section("general", general) + f"register => {login}\n"
        own = {"iax.conf": text + _section("guest", guest)}
        return _common("chan_iax2", side.server.dateformat) | own
    general = {"udpbindaddr": f"{address}:5060", "context": "inbound", "directmedia": "no"}
    text = _section("general", general | dict(phone.options)) + f"register => {login}/{user}\n"
    own = {"sip.conf": text + _section("pbx", peer | {"insecure": "port,invite"})}
    return _common("chan_sip", side.server.dateformat) | own


def _sip(server: Server, phone: Phone) -> Files:
    general = {
        "udpbindaddr": f"{VPS}:5060",
        "context": "inbound",
        "allowguest": "no",
        "directmedia": "no",
        "maxexpiry": "60",
        "minexpiry": "60",
        "nat": "force_rport,comedia",
        "qualify": "no",
    }
    if phone.tcp:
        general |= {"tcpenable": "yes", "tcpbindaddr": f"{VPS}:5060"}
    text = _section("general", general | dict(server.general))
    for user in phone.users:
        peer = {"type": "friend", "host": "dynamic", "secret": "secret", "disallow": "all"}
        peer |= {"allow": phone.codec, "context": "inbound"}
        if phone.tcp:
            peer["transport"] = "tcp"
        text += _section(user, peer | dict(server.peer))
    return {"sip.conf": text}


def _pjsip(server: Server, phone: Phone) -> Files:
    protocol = "tcp" if phone.tcp else "udp"
    transport = {"type": "transport", "protocol": protocol, "bind": f"{VPS}:5060"}
    text = _section("system", {"type": "system", **server.system})
    text += _section("global", {"type": "global", **server.general})
    text += _section("transport", transport | dict(server.transport))
    for user in phone.users:
        endpoint = {
            "type": "endpoint",
            "context": "inbound",
            "disallow": "all",
            "allow": phone.codec,
            "auth": user,
            "aors": user,
            "direct_media": "no",
            "force_rport": "yes",
            "rewrite_contact": "yes",
            "rtp_symmetric": "yes",
        }
        auth = {"type": "auth", "auth_type": "userpass", "username": user, "password": "secret"}
        aor = {"type": "aor", "max_contacts": "1", "remove_existing": "yes"}
        aor |= {"maximum_expiration": "60", "minimum_expiration": "60"}
        text += _section(user, endpoint | dict(server.peer)) + _section(user, auth)
        text += _section(user, aor | dict(server.aor))
    return {"pjsip.conf": text}


def _iax(server: Server, phone: Phone) -> Files:
    text = _section("general", {"bindaddr": VPS, "context": "inbound", **server.general})
    for user in phone.users:
        peer = {"type": "friend", "host": "dynamic", "secret": "secret", "context": "inbound"}
        peer |= {"disallow": "all", "allow": phone.codec, "qualify": "no", "transfer": "no"}
        text += _section(user, peer | dict(server.peer))
    return {"iax.conf": text}


def _common(channel: str, dateformat: str) -> Files:
    modules = (*_FIRST, *_FORMATS, *_MODULES[channel])
    loads = "".join(f"load => {module}.so\n" for module in modules)
    manager = {"enabled": "yes", "port": str(MANAGER_PORT), "bindaddr": "127.0.0.1"}
    account = {"secret": "lab", "read": "all", "write": "all"}
    answer = "exten => {},1,Answer()\nexten => {},n,Milliwatt()\n"
    level = "notice,warning,error,debug,verbose"
    return {
        "modules.conf": f"[modules]\nautoload=no\n{loads}",
        "manager.conf": _section("general", manager) + _section("lab", account),
        "extensions.conf": "[inbound]\n" + answer.format("s", "s") + answer.format("_X.", "_X."),
        "logger.conf": _section("general", {"dateformat": dateformat})
        + _section("logfiles", {"full": level}, "=>"),
        "rtp.conf": _section("general", {"rtpstart": "10000", "rtpend": "10100"}),
        "stasis.conf": "",
    }


def _section(name: str, table: Mapping[str, str], sign: str = "=") -> str:
    return f"[{name}]\n" + "".join(f"{key}{sign}{value}\n" for key, value in table.items())


def _reach(namespace: str, process: subprocess.Popen[bytes]) -> socket.socket:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(LabError):
            return connect(namespace, MANAGER_PORT)
        pause(0.2)
    raise LabError("Asterisk did not start")
