"""The hostile corpus through every renderer that shows text."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sipdiag
from sipdiag.base.datagram import Origin
from sipdiag.base.endpoint import Endpoint
from sipdiag.cli import main
from sipdiag.cli.ladder import picture_of
from sipdiag.flows.subjects import Packet
from sipdiag.live.jsonlines import alert_object, line, snapshot_object
from sipdiag.live.plain import alert_line, summary_line
from sipdiag.pipeline import compare_illustrated
from sipdiag.report import ladder
from sipdiag.report.draw import ladder as draw_ladder
from sipdiag.report.draw import timeline
from sipdiag.report.json import render as render_json
from sipdiag.report.markdown import render as render_markdown
from sipdiag.report.picture import Timeline
from sipdiag.report.safe import LONGEST
from sipdiag.report.terminal import render_text
from tests.live import made
from tests.report.hostile import (
    HOSTILE,
    MARK,
    check_json,
    check_markdown,
    check_svg,
    check_terminal,
    hostile_capture,
    poison,
    poisoned,
)

CASE = Path(__file__).parents[2] / "captures" / "sip-binding-30s"
UNBROKEN = 20_000
"""Columns: so wide that no line has to be broken."""

every = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


@pytest.fixture(scope="module")
def report() -> sipdiag.Report:
    return sipdiag.compare(CASE / "good.pcap", CASE / "bad.pcap")


@every
def test_every_field_on_the_terminal(report: sipdiag.Report, text: str) -> None:
    bad = poisoned(report, text)
    check_terminal(render_text(bad, UNBROKEN, what_if=True))
    check_terminal(render_text(bad, UNBROKEN, quiet=True))


@every
def test_every_field_in_json(report: sipdiag.Report, text: str) -> None:
    check_json(render_json(poisoned(report, text)))


@every
def test_every_field_in_markdown(report: sipdiag.Report, text: str) -> None:
    check_markdown(render_markdown(poisoned(report, text), what_if=True))


def test_poison_reaches_the_renderers(report: sipdiag.Report) -> None:
    """Otherwise the tests above would show nothing."""
    bad = poisoned(report, MARK)
    for shown in (
        render_text(bad, UNBROKEN, what_if=True),
        render_json(bad),
        render_markdown(bad, what_if=True),
    ):
        assert shown.count(MARK) > 50


def _packets(text: str) -> list[Packet]:
    one, other = Endpoint("203.0.113.7", 5060), Endpoint("fe80::1", 5060)
    third = Endpoint("203.0.113.9", 5060)
    origin = Origin(text, 1)
    return [
        Packet(10**9, one, other, text, "SIP", text, origin),
        Packet(2 * 10**9, other, one, text, "SIP", text, origin),
        Packet(3 * 10**9, other, third, text, "SIP", text, origin),
    ]


@every
@pytest.mark.parametrize("width", [40, 80, UNBROKEN])
def test_ladders_in_text(text: str, width: int) -> None:
    packets = _packets(text)
    for session in (packets[:2], packets):
        lines = ladder.render(session, 0, width)
        check_terminal("\n".join(lines))
        assert all("\n" not in line for line in lines)
        assert "[fe80::1]:5060" in "\n".join(lines)


@every
def test_ladders_as_svg(text: str) -> None:
    check_svg(draw_ladder(picture_of([_packets(text)], 0, text)))


@pytest.fixture(scope="module")
def picture() -> Timeline:
    told = compare_illustrated(CASE / "good.pcap", CASE / "bad.pcap")
    return told.pictures.timelines[0]


@every
def test_timelines_as_svg(picture: Timeline, text: str) -> None:
    check_svg(timeline(poison(picture, text)))


@every
def test_lines_of_watching(text: str) -> None:
    alert = made.expired(text, user=text, frozen=text)
    told = f"{alert_line(alert)}\n{summary_line(made.moment(made.peer(text, written=text)))}"
    check_terminal(told)
    assert told.count("\n") == 1
    check_json(line(alert_object(alert)))
    check_json(line(snapshot_object(made.moment(made.peer(text, written=text)))))


def _run(*words: str) -> tuple[str, str]:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.suppress(SystemExit),
    ):
        main(list(words))
    out.flush()
    data = out.buffer
    assert isinstance(data, io.BytesIO)
    return data.getvalue().decode(), err.getvalue()


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(hostile_capture(tmp_path_factory.mktemp("hostile") / "hostile.pcap"))


@pytest.mark.parametrize(
    ("words", "check"),
    [
        (["analyse"], check_terminal),
        (["analyse", "--what-if", "--anonymise"], check_terminal),
        (["analyse", "--json"], check_json),
        (["analyse", "--markdown"], check_markdown),
        (["analyse", "--markdown", "--anonymise"], check_markdown),
        (["advise"], check_terminal),
        (["ladder"], check_terminal),
        (["ladder", "--ascii"], check_terminal),
    ],
)
def test_a_hostile_capture_through_the_commands(
    capture: str, words: list[str], check: Callable[[str], None]
) -> None:
    out, err = _run(*words, capture)
    assert len(out) > 1000
    check(out)
    check_terminal(err)


@pytest.mark.skipif(sys.platform == "win32", reason="its file names can't hold such characters")
@pytest.mark.parametrize(
    "name",
    ["csi-clear", "newline", "bidi-override", "invalid-utf-8", "rich-markup", "html-image",
     "markdown-fence", "markdown-table", "osc-8-link"],
)  # fmt: skip
def test_a_hostile_file_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / os.fsdecode(HOSTILE[name].encode("utf-8", "surrogateescape")).replace(
        "/", "_"
    )
    path.write_bytes((CASE / "bad.pcap").read_bytes())
    for words, check in (
        (["analyse", str(path)], check_terminal),
        (["analyse", str(path), "--json"], check_json),
        (["analyse", str(path), "--markdown"], check_markdown),
        (["analyse", str(path), "--write-pcap", str(tmp_path / "out.pcapng")], check_terminal),
        (["ladder", str(path)], check_terminal),
        (["convert", str(path), f"{path}.png"], check_terminal),
        (["analyse", f"{path} lacks"], check_terminal),
        (["patch-iax2", f"{path} lacks", "--expire", "25"], check_terminal),
        (["explain", str(path)], check_terminal),
    ):
        out, err = _run(*words)
        assert out or err, words
        if out:
            check(out)
        check_terminal(err)


def test_an_address_in_brackets_is_no_markup(report: sipdiag.Report) -> None:
    bad = poisoned(report, "[fe80::1]:5060 [bold]x[/bold]")
    assert "[fe80::1]:5060 [bold]x[/bold]" in render_text(bad, UNBROKEN)
    assert "[fe80::1]:5060 [bold]x[/bold]" in render_json(bad)
    assert r"\[fe80::1\]:5060 \[bold\]x\[/bold\]" in render_markdown(bad)


def test_a_megabyte_is_cut_with_a_mark(report: sipdiag.Report) -> None:
    bad = poisoned(report, "")
    bad.verdict.summary = bad.findings[0].evidence[0].excerpt = "x" * 1_000_000
    for shown in (
        render_text(bad, UNBROKEN),
        render_json(bad),
        render_markdown(bad),
    ):
        assert "x" * (LONGEST + 1) not in shown
        assert "(1000000 characters)" in shown
