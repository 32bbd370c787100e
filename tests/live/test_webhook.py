"""``--webhook``: every alert is POSTed; a server that fails is asked again, but not for ever."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sipdiag.base.errors import UsageError
from sipdiag.live.webhook import TRIES, WebhookSink, checked
from tests.live.made import HOSTILE, expired


class Server(ThreadingHTTPServer):
    """Answers each POST with the next of ``answers`` (the last one for ever), notes what came."""

    daemon_threads = True
    answers: list[int]
    came: list[tuple[str, str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/T0/secret"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.headers["Content-Type"]
        self.server.came.append((self.path, kind, json.loads(body)))
        answers = self.server.answers
        code = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.came.append((self.path, "GET", None))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), _Handler)
    made.answers, made.came = [200], []
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def _send(url: str, count: int = 1, message: str = "gone") -> None:
    sink = WebhookSink(checked(url), pause_s=0.001)
    for _ in range(count):
        sink.alert(expired(message))
    sink.close(60.0)


def test_each_alert_is_posted_as_json(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    _send(server.url, 3)
    assert len(server.came) == 3
    path, kind, told = server.came[0]
    assert (path, kind) == ("/services/T0/secret", "application/json")
    assert told["type"] == "alert" and told["finding"]["name"] == "nat-binding-expired"
    assert capsys.readouterr().err == ""


def test_wire_text_arrives_escaped(server: Server) -> None:
    _send(server.url, message=HOSTILE)
    assert server.came[0][2]["finding"]["message"] == "\\x1b[2J[red]evil[/red]\\u202e\\x0a"


def test_a_server_that_fails_for_a_moment_is_asked_again(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [503, 429, 200]
    _send(server.url)
    assert len(server.came) == 3
    assert capsys.readouterr().err == ""


def test_one_that_goes_on_failing_is_given_up_and_told_without_the_secret(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [500]
    _send(server.url, 2)
    assert len(server.came) == 2 * TRIES
    once, count = capsys.readouterr().err.splitlines()
    assert once == "sipdiag: --webhook 127.0.0.1: HTTP 500 Internal Server Error"
    assert count == "sipdiag: --webhook 127.0.0.1: 2 alerts were not delivered"


@pytest.mark.parametrize("refusal", [400, 403, 404, 302])
def test_a_refusal_or_a_redirect_is_final(
    server: Server, refusal: int, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [refusal]
    _send(server.url)
    assert [path for path, *_ in server.came] == ["/services/T0/secret"]
    assert f"HTTP {refusal}" in capsys.readouterr().err


def test_nobody_there(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.url
    server.socket.close()
    _send(url)
    assert "Connection refused" in capsys.readouterr().err


def test_alerts_that_pile_up_are_dropped_and_counted(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sipdiag.live.webhook.ROOM", 1)
    let_go = threading.Event()
    monkeypatch.setattr(WebhookSink, "_post", lambda *_: (let_go.wait() and "", True))
    sink = WebhookSink(server.url)
    for _ in range(10):
        sink.alert(expired())
    let_go.set()
    sink.close(60.0)
    lost = int(capsys.readouterr().err.split(": ")[2].split()[0])
    assert lost in (8, 9)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://h/", "hooks.example/x", "http://", "http://h:99999/", "http://[/",
     "http://u:p@h/", "http://h/a b", "http://h/\n"],
)  # fmt: skip
def test_what_cannot_be_posted_to(url: str) -> None:
    with pytest.raises(UsageError, match="--webhook"):
        checked(url)
