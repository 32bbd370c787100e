"""``sipdiag doctor`` on made-up machines, and on this one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sipdiag.base.errors import AccessError
from sipdiag.cli.doctor import as_json, as_text, exit_code
from sipdiag.cli.doctor_checks import Area, Check, Examined, State, examine
from sipdiag.cli.host import Host, Interface, first_line, requirement_name

_NEEDS = ("rich>=13", "scapy>=2.5", "resvg-py>=0.2; extra == 'png'", "ruff; extra == 'dev'")


def _machine(root: Path, **facts: object) -> Host:
    """A Linux server where a plain user works on a terminal; ``facts`` change it."""
    programs = {name: f"/usr/bin/{name}" for name in ("tcpdump",)}
    host = Host(
        python="3.11.2",
        system="linux",
        user_id=1000,
        capabilities=0,
        root=root,
        environ={},
        columns=100,
        terminal=True,
        encoding="utf-8",
        zone="CET +0100",
        interfaces=[Interface("lo", True), Interface("eth0", True), Interface("eth1", False)],
        requirements=_NEEDS,
        versions={"rich": "14.0", "scapy": "2.6", "resvg-py": "0.2"},
        which=programs.get,
        first_line=lambda words: f"{words[0]} 1.2",
        listen=_let,
    )
    return replace(host, **facts)  # type: ignore[arg-type]


def _let() -> None:
    pass


def _refuse() -> None:
    raise AccessError("any: capturing needs the right CAP_NET_RAW")


def _checks(host: Host, area: Area) -> Examined:
    (examined,) = examine(host, [area])
    return examined


def _said(examined: Examined, state: State) -> str:
    return "; ".join(
        f"{check.text} -> {check.remedy}" for check in examined.checks if check.state is state
    )


def test_the_main_job_works_where_all_libraries_are_there(tmp_path: Path) -> None:
    examined = _checks(_machine(tmp_path), Area.DIAGNOSE)
    assert examined.works
    good = _said(examined, State.GOOD)
    assert "Python 3.11.2" in good and "rich 14.0, scapy 2.6" in good
    assert "read 2 messages" in good
    assert "ruff" not in as_text([examined])


def test_a_library_that_is_missing_is_named_with_its_cure(tmp_path: Path) -> None:
    examined = _checks(_machine(tmp_path, versions={"scapy": "2.6"}), Area.DIAGNOSE)
    assert not examined.works
    assert "rich isn't installed -> pip install rich" in _said(examined, State.LACKS)
    assert "SVG, not PNG -> pip install 'sipdiag[png]'" in _said(examined, State.NOTE)


def test_without_tshark_only_what_needs_it_is_lost(tmp_path: Path) -> None:
    examined = examine(_machine(tmp_path), [Area.DIAGNOSE, Area.TSHARK])
    assert [each.works for each in examined] == [True, False]
    assert "apt install tshark" in _said(examined[1], State.LACKS)
    assert exit_code(examined, [Area.DIAGNOSE]) == 0
    assert exit_code(examined, [Area.DIAGNOSE, Area.TSHARK]) == 4


def test_a_tshark_that_reads_nothing_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on the PATH, and answers, but it isn't tshark."""
    fake = tmp_path / "tshark"
    fake.write_text("#!/bin/sh\necho TShark 9.9\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    examined = _checks(_machine(tmp_path, which={"tshark": str(fake)}.get), Area.TSHARK)
    assert not examined.works
    assert "the tshark reader" in _said(examined, State.LACKS)


def test_live_as_a_plain_user_is_refused_and_told_how(tmp_path: Path) -> None:
    examined = _checks(_machine(tmp_path, listen=_refuse), Area.LIVE)
    assert not examined.works
    assert "the right CAP_NET_RAW -> sudo sipdiag live" in _said(examined, State.LACKS)
    assert "interfaces: lo, eth0" in _said(examined, State.GOOD)


def test_live_in_a_container_whose_root_was_robbed(tmp_path: Path) -> None:
    examined = _checks(_machine(tmp_path, user_id=0, listen=_refuse), Area.LIVE)
    assert "CAP_NET_RAW was taken from root" in _said(examined, State.LACKS)
    assert "--cap-add=NET_RAW" in _said(examined, State.LACKS)


@pytest.mark.parametrize(
    ("user", "capabilities", "who"), [(0, 1 << 13, "root"), (1000, 1 << 13, "CAP_NET_RAW")]
)
def test_live_with_the_right_to(tmp_path: Path, user: int, capabilities: int, who: str) -> None:
    host = _machine(tmp_path, user_id=user, capabilities=capabilities)
    examined = _checks(host, Area.LIVE)
    assert examined.works
    assert f"can be opened ({who})" in _said(examined, State.GOOD)


def test_live_elsewhere_than_on_linux(tmp_path: Path) -> None:
    host = _machine(tmp_path, system="darwin", listen=_refuse)
    assert "-> tcpdump -i any" in _said(_checks(host, Area.LIVE), State.LACKS)


def _without_scapy() -> None:
    raise ModuleNotFoundError("No module named 'scapy'", name="scapy.arch")


def test_live_without_the_library_that_captures(tmp_path: Path) -> None:
    examined = _checks(_machine(tmp_path, listen=_without_scapy), Area.LIVE)
    assert "No module named 'scapy' -> pip install scapy" in _said(examined, State.LACKS)


def test_no_interface_is_up(tmp_path: Path) -> None:
    examined = _checks(_machine(tmp_path, interfaces=[Interface("eth0", False)]), Area.LIVE)
    assert "no network interface is up -> ip link" in _said(examined, State.LACKS)


def test_asterisk_with_its_files_at_hand(tmp_path: Path) -> None:
    (tmp_path / "etc/asterisk").mkdir(parents=True)
    (tmp_path / "etc/asterisk/pjsip.conf").write_text("[101]\n")
    (tmp_path / "var/log/asterisk").mkdir(parents=True)
    (tmp_path / "var/log/asterisk/full").write_text("")
    binary = tmp_path / "usr/sbin/asterisk"
    binary.parent.mkdir(parents=True)
    binary.write_text("")
    binary.chmod(0o755)
    examined = _checks(_machine(tmp_path), Area.ASTERISK)
    assert examined.works
    good = _said(examined, State.GOOD)
    assert f"{binary}: {binary} 1.2" in good
    assert "pjsip.conf can be read" in good
    assert "log/asterisk/full" in good


def test_asterisk_nowhere_is_no_fault_but_isnt_there(tmp_path: Path) -> None:
    examined = _checks(_machine(tmp_path), Area.ASTERISK)
    assert examined.word == "nothing found"
    assert not _said(examined, State.LACKS)
    assert exit_code([examined], [Area.ASTERISK]) == 4


def test_a_configuration_that_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/asterisk").write_text("")
    examined = _checks(_machine(tmp_path), Area.ASTERISK)
    assert "can't be read: Not a directory" in _said(examined, State.LACKS)


def test_logs_of_other_names_are_told_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "var/log/asterisk").mkdir(parents=True)
    (tmp_path / "var/log/asterisk/queue_log").write_text("")
    assert "logger.conf: full =>" in _said(_checks(_machine(tmp_path), Area.ASTERISK), State.NOTE)


def test_output_piped_without_utf8(tmp_path: Path) -> None:
    host = _machine(tmp_path, terminal=False, encoding="ANSI_X3.4-1968")
    examined = _checks(host, Area.OUTPUT)
    assert "no terminal: 80 columns, without colour" in _said(examined, State.GOOD)
    assert "export LC_ALL=C.UTF-8" in _said(examined, State.NOTE)
    assert "CET +0100" in _said(examined, State.GOOD)


def test_no_color_is_heeded(tmp_path: Path) -> None:
    coloured, plain = (
        _said(_checks(_machine(tmp_path, environ=environ), Area.OUTPUT), State.GOOD)
        for environ in ({}, {"NO_COLOR": "1"})
    )
    assert "100 columns, with colour" in coloured
    assert "without colour" in plain


def test_the_text_is_narrow_and_shows_nothing_that_acts() -> None:
    hostile = Check(State.LACKS, "said \x1b[31mred " + "long " * 40, "do " * 60)
    text = as_text([Examined(Area.LIVE, (hostile,))])
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert text.startswith("live: does not work\n[!!] said")


def test_as_json(tmp_path: Path) -> None:
    told = json.loads(as_json(examine(_machine(tmp_path, listen=_refuse), [Area.LIVE])))
    assert (told["schema"], told["type"]) == ("sipdiag/1", "doctor")
    (area,) = told["areas"]
    assert (area["name"], area["works"]) == ("live", False)
    assert {"state", "text", "remedy"} == set(area["checks"][0])


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("rich>=13", "rich"),
        ("mkdocstrings[python]>=0.26", "mkdocstrings"),
        ("a.b_c-d ; x", "a.b_c-d"),
    ],
)
def test_a_requirement_begins_with_its_name(line: str, name: str) -> None:
    assert requirement_name(line) == name


def test_what_a_program_says_first(tmp_path: Path) -> None:
    def said(words: Sequence[str]) -> str | None:
        return first_line(words)

    assert said([sys.executable, "-c", "print('one\\ntwo')"]) == "one"
    assert said([str(tmp_path / "missing")]) is None


def test_on_this_machine() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "doctor", "diagnose", "output"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 4), done.stderr
    assert done.stdout.startswith("diagnose: works\n[ok] sipdiag ")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stderr == ""


def test_asked_for_more_than_there_is_exits_with_4() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "doctor", "tshark"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/nonexistent"},
    )
    assert done.returncode == 4
    assert "[!!] tshark isn't installed" in done.stdout
