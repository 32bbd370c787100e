"""``--html FILE`` as a user meets it."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import pytest

from sipdiag.cli import main

CASE = Path(__file__).parents[2] / "captures" / "sip-binding-30s"
GOOD, BAD = (str(CASE / f"{name}.pcap") for name in ("good", "bad"))


def _run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_page_is_written_beside_the_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.html"
    assert _run("compare", "--html", str(target), GOOD, BAD) == 1
    said = capsys.readouterr()
    assert said.out.startswith("The NAT binding of 101 expired")
    assert re.fullmatch(r"sipdiag: the page was written to .*report\.html \(\d+ KB\)\n", said.err)
    page = target.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>")
    assert "call to the phone #4" in page and "<svg" in page
    assert list(tmp_path.iterdir()) == [target]


def test_analyse_has_a_page_too_and_quiet_says_nothing_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.html"
    assert _run("analyse", "-q", "--fail-on", "never", "--html", str(target), BAD) == 0
    assert capsys.readouterr().err == "" and target.stat().st_size > 50_000


def test_json_stays_alone_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run("analyse", "--json", "--html", str(tmp_path / "x.html"), BAD)
    assert capsys.readouterr().out.startswith("{")


def test_an_old_page_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    target.chmod(0o600)
    _run("analyse", "-q", "--html", str(target), BAD)
    assert "<svg" in target.read_text() and stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["missing/report.html", "."])
def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert _run("analyse", "-q", "--html", str(tmp_path / name), BAD) in (2, 4)
    assert capsys.readouterr().err.startswith("sipdiag: ")
    assert list(tmp_path.iterdir()) == []


def test_no_input_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = tmp_path / "bad.pcap"
    capture.write_bytes(Path(BAD).read_bytes())
    link = tmp_path / "link.html"
    link.symlink_to(capture)
    for target in (capture, link):
        assert _run("analyse", "--html", str(target), str(capture)) == 2
        assert "is an input" in capsys.readouterr().err
    assert capture.read_bytes() == Path(BAD).read_bytes()


def test_the_page_can_go_where_no_file_is(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    assert _run("analyse", "-q", "--html", os.devnull, BAD) == 1
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_secrets_are_shown_where_they_are_asked_for(tmp_path: Path) -> None:
    hidden, shown = tmp_path / "hidden.html", tmp_path / "shown.html"
    _run("analyse", "-q", "--html", str(hidden), BAD)
    _run("analyse", "-q", "--show-secrets", "--html", str(shown), BAD)
    secret = re.compile(r"response=(?:<i>)?&#34;(?:</i>)?(?:<i>)?[0-9a-f]{32}")
    assert not secret.search(hidden.read_text()) and secret.search(shown.read_text())


def test_stand_ins_stand_in_the_page_too(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    _run("compare", "-q", "--anonymise", "--html", str(target), GOOD, BAD)
    page = target.read_text()
    assert "<svg" in page and "call to the phone #4" in page
    assert "203.0.113.7:" not in page and "192.168.1.50" not in page


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a right there")
def test_through_a_symbolic_link_the_file_behind_it_is_written(tmp_path: Path) -> None:
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    real.write_text("old")
    link.symlink_to(real)
    _run("analyse", "-q", "--html", str(link), BAD)
    assert link.is_symlink() and "<svg" in real.read_text()
