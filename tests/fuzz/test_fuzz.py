"""Every fuzz target holds for the inputs kept, and for those damaged a little."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import main
from tests.fuzz.patching import applied
from tests.fuzz.target import CORPUS, FOUND, Drip, Taken, Target, block
from tests.fuzz.targets import NAMES, load

EXAMPLES = {"whole_path": 15, "asterisk_log": 60, "conf": 60, "tcp": 60}
"""Of damaged inputs, for the slow targets; the others try 150."""

INPUTS = {"whole_path": 30}
"""Of the inputs that are kept, for the slowest target: evenly out of all."""


@cache
def inputs(name: str) -> tuple[Target, list[bytes]]:
    target = load(name)
    kept = [*target.seeds(), *target.kept()]
    return target, kept[:: max(1, len(kept) // INPUTS.get(name, len(kept)))]


@pytest.mark.parametrize("name", NAMES)
def test_inputs_that_are_kept(name: str) -> None:
    target, kept = inputs(name)
    assert len(kept) >= 3
    for data in kept:
        target.check(data)


@pytest.mark.parametrize("name", NAMES)
def test_short_inputs(name: str) -> None:
    target, kept = inputs(name)
    for data in (b"", b"\0", b"\xff" * 40, kept[0][:1], kept[0][:-1]):
        target.check(data)


Damage = tuple[int, int, int, bytes]
"""Where (in 65536ths), how many bytes go, which of the target's words comes, which bytes come."""

DAMAGE = st.lists(
    st.tuples(
        st.integers(0, 65_535), st.integers(0, 40), st.integers(0, 99), st.binary(max_size=8)
    ),
    min_size=1,
    max_size=4,
)


def damaged(data: bytes, damage: list[Damage], words: list[bytes]) -> bytes:
    for where, gone, word, new in damage:
        at = where * (len(data) + 1) // 65_536
        put = words[word] if word < len(words) else new
        data = data[:at] + put + data[at + gone :]
    return data


@pytest.mark.parametrize("name", NAMES)
def test_inputs_damaged_a_little(name: str) -> None:
    target, kept = inputs(name)

    @settings(max_examples=EXAMPLES.get(name, 150), database=None)
    @given(st.sampled_from(range(len(kept))), DAMAGE)
    def holds(number: int, damage: list[Damage]) -> None:
        target.check(damaged(kept[number], damage, list(target.words)))

    holds()


# The machinery itself.


def test_the_corpus_is_small_and_belongs_to_a_target() -> None:
    folders = [folder for base in (CORPUS, FOUND) if base.is_dir() for folder in base.iterdir()]
    assert {folder.name for folder in folders} <= set(NAMES)
    size = sum(file.stat().st_size for folder in folders for file in folder.iterdir())
    assert size < 1_000_000


def test_every_module_is_listed() -> None:
    here = Path(__file__).parent / "targets"
    modules = {file.stem for file in here.glob("*.py") if not file.stem.startswith("_")}
    assert modules == set(NAMES)
    assert all(load(name).name == name for name in NAMES)
    with pytest.raises(KeyError):
        load("os")


def test_values_are_taken_off_the_beginning() -> None:
    taken = Taken(b"\x01\x00\x02" + block(b"abc") + b"rest")
    assert (taken.number(), taken.number(2), taken.block()) == (1, 2, b"abc")
    assert taken and taken.rest() == b"rest" and not taken
    assert taken.number(4) == 0 and taken.piece(3) == b""


def test_a_drip_gives_all_of_it() -> None:
    drip = Drip(b"abcdefgh", [1, 3])
    pieces = [drip.read() for _ in range(5)]
    assert pieces == [b"a", b"bcd", b"e", b"fgh", b""]


def test_the_patch_is_strict() -> None:
    diff = b"--- a/x\n+++ b/x\n@@ -2 +2,2 @@\n-b\n+B\n+BB\n"
    assert applied(b"a\nb\nc", diff) == b"a\nB\nBB\nc"
    assert applied(b"a", b"") == b"a"
    with pytest.raises(AssertionError):
        applied(b"a\nx\nc", diff)


def test_a_target_that_isnt_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["nonsense"])
    assert caught.value.code == 2
    assert "no target is called nonsense" in capsys.readouterr().err


def test_without_atheris(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["sdp"]) == 4
    assert "needs atheris" in capsys.readouterr().err


def test_a_second_of_fuzzing(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris isn't installed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds", "1", "sdp"],
        cwd=Path(__file__).parents[2],
        env={"SIPDIAG_FUZZ": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sdp" in done.stdout and "nothing found" in done.stdout
    assert any((tmp_path / "sdp").iterdir())
