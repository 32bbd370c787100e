"""``--jobs``: the same words, whoever reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.cli import main
from tests.bench.made import Load, make

CAPTURES = Path(__file__).parent.parent.parent / "captures"
BAD = str(CAPTURES / "sip-alg" / "bad.pcap")
GOOD = str(CAPTURES / "sip-alg" / "good.pcap")


def run(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return int(ended.value.code or 0), out, err


@pytest.mark.parametrize(
    "words", [("analyse", BAD), ("compare", GOOD, BAD), ("analyse", BAD, GOOD)], ids=str
)
def test_more_processes_say_the_same(
    capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    alone = run(capfd, *words, "--json")
    assert run(capfd, *words, "--json", "--jobs", "2") == alone
    assert run(capfd, *words, "--json", "-j", "0") == alone


def test_a_capture_that_is_large_enough_is_shared(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "large.pcap"
    make(path, Load.MEDIA, 5_000_000)
    alone = run(capfd, "analyse", str(path), "--json")
    assert run(capfd, "analyse", str(path), "--json", "--jobs", "2") == alone


def test_standard_input_is_read_by_one_and_it_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, "analyse", "-", BAD, "--jobs", "2")
    assert code == 3
    assert "standard input is read by one process" in err


def test_an_input_that_can_not_be_read_ends_as_ever(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(b"\xd4\xc3\xb2\xa1short")
    for words in (("analyse", BAD, str(broken)), ("compare", str(broken), BAD)):
        alone = run(capfd, *words)
        assert alone[0] == 3
        assert run(capfd, *words, "--jobs", "2") == alone


def test_fewer_than_none_is_a_mistake(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, "analyse", BAD, "--jobs", "-1")
    assert code == 2
    assert "--jobs" in err
