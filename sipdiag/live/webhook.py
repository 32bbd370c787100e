"""``--webhook URL``: every alert POSTed as JSON, as a line of ``--json`` has it.

Contract: one at a time, in a thread of its own; alerts that wait are bounded. A server that fails
or isn't there is asked ``TRIES`` times, with growing pauses; one that refuses (4xx, or sends
elsewhere) isn't asked again. The first failure is told on standard error and at the end how many
alerts were lost. The URL is never told beyond its host: what follows is often a password.
"""

from __future__ import annotations

import contextlib
import http.client
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from sipdiag._version import __version__
from sipdiag.base.errors import UsageError
from sipdiag.live.jsonlines import alert_object, line
from sipdiag.live.model import Alert, Snapshot
from sipdiag.live.outbox import Outbox
from sipdiag.report.model import Report
from sipdiag.report.safe import plain

TIMEOUT_S = 10.0
"""For the connection, and for each piece of the answer."""
TRIES = 4
PAUSE_S = 1.0
"""Before the second try; twice as long before each further one."""
ROOM = 100
"""Alerts that wait."""
PATIENCE_S = 15.0
"""How long those that are left are waited for at the end."""
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be another one later (RFC 9110, RFC 6585, RFC 8470)."""


def checked(url: str) -> str:
    """The URL, if it is one to POST to. Raises ``UsageError``."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError("--webhook: that is no URL") from error
    printable = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not printable:
        raise UsageError("--webhook: give http://... or https://...")
    if parts.username is not None:
        raise UsageError("--webhook: a user or password before the host isn't sent; leave it out")
    return url


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST becomes a GET without its body, which would look like success."""

    def redirect_request(self, *_: Any) -> None:
        return None


class WebhookSink:
    """See the module. ``url``: from ``checked``."""

    def __init__(self, url: str, *, pause_s: float = PAUSE_S, timeout_s: float = TIMEOUT_S) -> None:
        self._url, self._pause_s, self._timeout_s = url, pause_s, timeout_s
        self._host = urllib.parse.urlsplit(url).hostname or ""
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._failed_count = 0
        self._host.encode("idna")  # loaded by the first look-up, when --user gave root up
        self._outbox = Outbox(self._deliver, name="sipdiag webhook", room=ROOM)

    def update(self, snapshot: Snapshot) -> None:
        """Nothing to tell."""

    def alert(self, alert: Alert) -> None:
        """Sends it, soon."""
        self._outbox.put(alert)

    def finish(self, report: Report) -> None:
        """Nothing to tell."""

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Waits for those that are left, and says what was lost."""
        lost = self._outbox.close(patience_s) + self._outbox.dropped_count + self._failed_count
        if lost:
            self._complain(f"{lost} alerts were not delivered")

    def _deliver(self, alert: Alert) -> None:
        data = line(alert_object(alert)).encode("ascii")
        pause_s = self._pause_s
        for attempt in range(TRIES):
            if attempt and self._outbox.giving_up.wait(pause_s):
                break
            pause_s *= 2 if attempt else 1
            fault, final = self._post(data)
            if not fault:
                return
            if final:
                break
        self._failed_count += 1
        if self._failed_count == 1:
            self._complain(plain(fault, longest=200))

    def _post(self, data: bytes) -> tuple[str, bool]:
        """(what went wrong, "" where nothing did; whether another try is of no use)."""
        request = urllib.request.Request(
            self._url,
            data,
            {"Content-Type": "application/json", "User-Agent": f"sipdiag/{__version__}"},
            method="POST",
        )
        try:
            with self._opener.open(request, timeout=self._timeout_s):
                return "", True
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                return f"HTTP {error.code} {error.reason}", error.code not in _TRY_AGAIN
        except urllib.error.URLError as error:
            return str(error.reason), False
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__, False

    def _complain(self, text: str) -> None:
        print(f"sipdiag: --webhook {plain(self._host)}: {text}", file=sys.stderr)
