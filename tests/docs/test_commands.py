"""Every command of sipdiag that the documentation shows is run as it stands there."""

from __future__ import annotations

import io
import re
import shlex
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sipdiag.cli.app import main
from tests.asterisk.iax2_headers import NEW, header

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "captures"
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
NEEDS_MORE = {"live": "captures on this machine: tests/live and the lab run it"}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = ("", "sh", "console")
_SEPARATORS = {"|", "||", "&&", ";", "&"}


class Shown(NamedTuple):
    """A command, as a page shows it."""

    page: str
    line: str
    words: list[str]


def _simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line of shell, without what they are redirected to."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for word in lexer:
        if word in _SEPARATORS:
            yield words
            words = []
        elif word.startswith((">", "<")):
            redirected = True
        elif redirected:
            redirected = False
        else:
            words.append(word)
    yield words


def _shown(path: Path) -> Iterator[Shown]:
    for language, text in _BLOCK.findall(path.read_text()):
        if language not in _SHELL:
            continue
        for line in text.replace("\\\n", " ").split("\n"):
            if "sipdiag" not in line:
                continue
            for words in _simple_commands(line.removeprefix("$ ")):
                words = words[1:] if words[:1] == ["sudo"] else words
                if words and Path(words[0]).name == "sipdiag":
                    yield Shown(str(path.relative_to(ROOT)), line.strip(), words[1:])


ALL = [shown for path in PAGES for shown in _shown(path)]


def _workplace(folder: Path) -> Path:
    """Where the words of the pages mean something: the captures, an unpacked Asterisk and its
    tarball, a configuration; the folder beside it is like ``captures``."""
    work = folder / "work"
    work.mkdir()
    for case in CAPTURES.iterdir():
        (folder / case.name).symlink_to(case)
        (work / case.name).symlink_to(case)
    (work / "captures").symlink_to(CAPTURES)
    for file in (CAPTURES / "sip-binding-30s").glob("*.*"):
        (work / file.name).symlink_to(file)
    (work / "iax2.pcap").symlink_to(CAPTURES / "iax2-binding-30s" / "bad.pcap")
    (work / NEW).parent.mkdir(parents=True)
    (work / NEW).write_bytes(header())
    with tarfile.open(work / "asterisk-16.28.0.tar.gz", "w:gz") as tarball:
        tarball.add(work / NEW, f"asterisk-16.28.0/{NEW}")
    (folder / "etc").mkdir()
    (folder / "etc" / "sip.conf").write_text("[general]\n[101]\ntype=friend\nhost=dynamic\n")
    return work


@pytest.mark.parametrize("shown", ALL, ids=lambda shown: f"{shown.page}: {shown.line}")
def test_a_command_does_as_shown(
    shown: Shown,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    if shown.words and shown.words[0] in NEEDS_MORE:
        pytest.skip(NEEDS_MORE[shown.words[0]])
    work = _workplace(tmp_path)
    monkeypatch.chdir(work)
    monkeypatch.setenv("COLUMNS", "80")
    stdin = io.TextIOWrapper(io.BytesIO((work / "bad.pcap").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    words = [re.sub("^/etc/asterisk", str(tmp_path / "etc"), word) for word in shown.words]
    words = [re.sub(r"^/var/.*\.pcap$", "bad.pcap", word) for word in words]
    if "--revert" in words and "--in-place" in words:
        with pytest.raises(SystemExit):
            main(["patch-iax2", ".", "--expire", "25", "--in-place"])
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capfdbinary.readouterr()
    assert ended.value.code in (None, 0, 1), said.err.decode()
    assert said.out or said.err


def test_there_are_commands_to_run() -> None:
    assert {shown.words[0] for shown in ALL} >= {
        "advise",
        "analyse",
        "compare",
        "convert",
        "explain",
        "findings",
        "ladder",
        "patch-iax2",
    }


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("sipdiag advise x > y.patch    # note", [["sipdiag", "advise", "x"]]),
        ("ssh a 'b | c' | sipdiag analyse -", [["ssh", "a", "b | c"], ["sipdiag", "analyse", "-"]]),
        ("cd a && sipdiag patch-iax2 . >/dev/null", [["cd", "a"], ["sipdiag", "patch-iax2", "."]]),
    ],
)
def test_how_a_line_is_read(line: str, commands: list[list[str]]) -> None:
    assert list(_simple_commands(line)) == commands
