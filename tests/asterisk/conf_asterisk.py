"""A real Asterisk that says how it understood a configuration: for the tests marked ``lab``.

It runs in one of the lab's chroots, in a network namespace of its own with nothing in it but
loopback, so that nothing leaves and no port is taken.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.lab.prepare import lab_dir

_RTP = ("res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_pjproject")
_PJSIP = (
    *_RTP,
    "res_rtp_asterisk",
    "res_pjsip",
    "res_pjsip_session",
    "res_pjsip_config_wizard",
    "chan_pjsip",
)
_UP = 'ip link set lo up; exec "$@"'
MODULES = {
    "bullseye": (*_RTP, "res_rtp_asterisk", "chan_sip", "chan_iax2"),
    "sid": (*_PJSIP, "chan_iax2"),
}


class AskedAsterisk:
    """Started with some files; answers console lines until it is left."""

    def __init__(self, suite: str, files: Mapping[str, bytes]) -> None:
        self._chroot = lab_dir() / suite
        self._own = f"/lab/conf-{secrets.token_hex(4)}"
        self._home = Path(f"{self._chroot}{self._own}")
        modules = sorted(self._chroot.glob("usr/lib/**/asterisk/modules"))[0]
        for name in ("etc", "run", "log", "db", "spool", "data/keys"):
            (self._home / name).mkdir(parents=True)
        for name, data in files.items():
            (self._home / "etc" / name).write_bytes(data)
        loads = "".join(f"load => {m}.so\n" for m in MODULES[suite])
        own = self._own
        folders = {
            "astetcdir": f"{own}/etc",
            "astmoddir": f"/{modules.relative_to(self._chroot)}",
            "astvarlibdir": f"{own}/data",
            "astdbdir": f"{own}/db",
            "astkeydir": f"{own}/data",
            "astdatadir": "/usr/share/asterisk",
            "astspooldir": f"{own}/spool",
            "astrundir": f"{own}/run",
            "astlogdir": f"{own}/log",
        }
        table = "[directories]\n" + "".join(f"{k} => {v}\n" for k, v in folders.items())
        (self._home / "etc/asterisk.conf").write_text(table)
        (self._home / "etc/modules.conf").write_text(f"[modules]\nautoload=no\n{loads}")
        (self._home / "etc/logger.conf").write_text("[logfiles]\nfull => notice,warning,error\n")
        (self._home / "etc/stasis.conf").write_text("")
        self._process = subprocess.Popen(
            ["unshare", "--net", "--uts", "sh", "-c", _UP, "sh", *self._program, "-f"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )

    @property
    def _program(self) -> tuple[str, ...]:
        return ("chroot", str(self._chroot), "asterisk", "-C", f"{self._own}/etc/asterisk.conf")

    def __enter__(self) -> AskedAsterisk:
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            if "fully booted" in self.ask("core waitfullybooted"):
                return self
            time.sleep(0.2)
        self.__exit__(None, None, None)
        raise RuntimeError("Asterisk did not start")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def ask(self, line: str) -> str:
        """What the console says to a line."""
        done = subprocess.run(
            [*self._program, "-r", "-x", line], capture_output=True, text=True, check=False
        )
        return done.stdout

    @property
    def log(self) -> str:
        """Notices, warnings and errors."""
        file = self._home / "log/full"
        return file.read_text(errors="replace") if file.exists() else ""
