"""The files beside the report, and the ladder drawn: ``--plot``, ``--svg``, ``--ascii``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sipdiag.cli import main, plot
from sipdiag.crafting.scenario import Scenario
from tests.report.hostile import check_svg

CAPTURES = Path(__file__).parents[2] / "captures"
CASE = CAPTURES / "sip-binding-30s"


def _run(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def _words_of(svg: Path) -> str:
    return " ".join(ElementTree.fromstring(svg.read_text()).itertext())


@pytest.mark.parametrize("command", ["compare", "analyse"])
def test_the_timeline_as_svg(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    files = [CASE / "good.pcap", CASE / "bad.pcap"][command == "analyse" :]
    out = tmp_path / "timeline.svg"
    assert _run(command, *files, "--plot", out) == 1
    check_svg(out.read_text())
    drawn = _words_of(out)
    assert "SIP/101" in drawn and "29.7 to 33.0 s" in drawn and "25 s" in drawn
    said = capsys.readouterr()
    assert "nat-binding-expired" in said.out
    assert f"the timeline of SIP/101 written to {out}" in said.err


def test_the_timeline_as_png(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="resvg-py isn't installed")
    out = tmp_path / "timeline.png"
    assert _run("analyse", CASE / "bad.pcap", "--plot", out, "--quiet") == 1
    data = out.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(data[16:20]) == 1920


def test_png_without_its_library_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plot, "find_spec", lambda name: None)
    out = tmp_path / "timeline.png"
    assert _run("analyse", CASE / "bad.pcap", "--plot", out) == 4
    said = capsys.readouterr()
    assert "pip install 'sipdiag[png]'" in said.err
    assert said.out == "" and not out.exists()


def test_another_kind_of_picture_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("analyse", CASE / "bad.pcap", "--plot", "x.pdf") == 2
    assert ".svg or .png" in capsys.readouterr().err


def test_nothing_to_draw_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    s = Scenario()
    s.send(
        "203.0.113.7:5060", "203.0.113.80:5060", b"OPTIONS sip:x SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )
    s.write(tmp_path / "x.pcap")
    assert _run("analyse", tmp_path / "x.pcap", "--plot", tmp_path / "x.svg") == 0
    assert "there is no binding to draw" in capsys.readouterr().err
    assert not (tmp_path / "x.svg").exists()


def test_a_folder_that_lacks(tmp_path: Path) -> None:
    assert _run("analyse", CASE / "bad.pcap", "--plot", tmp_path / "no" / "x.svg") == 4


def test_a_ladder_as_svg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ladder.svg"
    assert _run("ladder", CASE / "bad.pcap", "--svg", out) == 0
    check_svg(out.read_text())
    drawn = _words_of(out)
    assert "REGISTER" in drawn and "INVITE" in drawn and "203.0.113.7:5060" in drawn
    said = capsys.readouterr()
    assert said.out == "" and "messages written to" in said.err


def test_a_long_ladder_is_cut_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    for second in range(0, 3000, 50):
        s.at(second)
        s.register(phone)
    s.write(tmp_path / "x.pcap")
    _run("ladder", tmp_path / "x.pcap", "--svg", tmp_path / "x.svg")
    assert "160 messages written to" in (said := capsys.readouterr().err)
    assert "80 more aren't drawn" in said


def test_one_call_of_many(capsys: pytest.CaptureFixture[str]) -> None:
    _run("ladder", CASE / "bad.pcap")
    whole = capsys.readouterr().out
    call_id = next(line for line in whole.splitlines() if line.startswith("SIP ")).split()[1]
    _run("ladder", CASE / "bad.pcap", "--call-id", call_id[:12])
    part = capsys.readouterr().out
    assert part.startswith(f"SIP {call_id}") and len(part) < len(whole)


def test_call_ids_and_stand_ins_dont_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("ladder", CASE / "bad.pcap", "--call-id", "x", "--anonymise") == 2
    assert "--call-id" in capsys.readouterr().err


def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    """And a name that it can't show ends in no traceback."""
    s = Scenario()
    phone = s.sip_phone("Jürgen", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.call(phone, answered=False, to="192.168.1.50:5060")
    s.write(tmp_path / "x.pcap")
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for command in ("ladder", "analyse"):
        done = subprocess.run(
            [sys.executable, "-m", "sipdiag", command, str(tmp_path / "x.pcap")],
            capture_output=True, env=env, check=False,
        )  # fmt: skip
        assert done.stdout and done.stdout.isascii()
        assert b"Traceback" not in done.stderr
    assert b"J\\xfcrgen" in done.stdout
