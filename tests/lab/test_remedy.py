"""The advice is written where it says and nowhere else; the script comes again by the clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .cases import Event, load_all
from .cure import again
from .measure import Measured
from .net import LabError
from .play import Played
from .remedy import Row, mend, tend

SIP = "[general]\nnat = no\nqualify=no\n[101]\ntype=friend\nsecret=old\n[102]\ntype=friend\n"
PJSIP = "[udp]\ntype=transport\n[101]\ntype=endpoint\n[101]\ntype = aor\nmax_contacts=1\n"


def _row(file: str, section: str, option: str, value: str) -> Row:
    return {"where": "x", "file": file, "section": section, "option": option, "value": value}


def _filled(row: Row) -> str:
    return f"for {row['option']}"


def _refused(row: Row) -> str:
    raise AssertionError(row)


@pytest.mark.parametrize(
    ("row", "expected", "change"),
    [
        (
            _row("sip.conf", "[general]", "nat", "force_rport,comedia"),
            SIP.replace("nat = no\n", "\n").replace(
                "qualify=no\n", "qualify=no\nnat=force_rport,comedia\n"
            ),
            "`sip.conf` [general] `nat`: no → force_rport,comedia",
        ),
        (
            _row("sip.conf", "[101]", "qualify", "yes"),
            SIP.replace("secret=old\n", "secret=old\nqualify=yes\n"),
            "`sip.conf` [101] `qualify`: unset → yes",
        ),
        (
            _row("pjsip.conf", "[101] type=aor", "qualify_frequency", "25"),
            PJSIP + "qualify_frequency=25\n",
            "`pjsip.conf` [101] type=aor `qualify_frequency`: unset → 25",
        ),
        (
            _row("pjsip.conf", "[<transport>] type=transport", "local_net", "10.0.0.0/8"),
            PJSIP.replace("transport\n", "transport\nlocal_net=10.0.0.0/8\n"),
            "`pjsip.conf` [<transport>] type=transport `local_net`: unset → 10.0.0.0/8",
        ),
    ],
)
def test_an_option_goes_into_its_section(row: Row, expected: str, change: str) -> None:
    files, (done,) = mend({"sip.conf": SIP, "pjsip.conf": PJSIP}, [row], _refused)
    assert files[row["file"] or ""] == expected
    assert str(done) == change


def test_what_the_advice_leaves_open_is_asked_for() -> None:
    row = _row("sip.conf", "[101]", "secret", "<the same as in the phone>")
    files, (done,) = mend({"sip.conf": SIP}, [row], _filled)
    assert "secret=for secret\n" in files["sip.conf"]
    assert str(done) == "`sip.conf` [101] `secret`: old → for secret (filled in by hand)"


@pytest.mark.parametrize(
    "row",
    [
        _row("iax.conf", "[general]", "maxregexpire", "25"),
        _row("sip.conf", "[103]", "qualify", "yes"),
        _row("pjsip.conf", "[101] type=auth", "password", "x"),
    ],
)
def test_advice_that_points_nowhere_is_an_error(row: Row) -> None:
    with pytest.raises(LabError):
        mend({"sip.conf": SIP, "pjsip.conf": PJSIP}, [row], _refused)


def test_only_what_the_lab_can_do_to_a_device() -> None:
    (case,) = load_all(["sip-alg-broken"])
    off = {"where": "router", "option": "SIP ALG", "value": "off"}
    assert not tend(case.sides[1], off).router.broken_alg
    with pytest.raises(LabError):
        tend(case.sides[1], off | {"option": "colour"})


def test_the_script_comes_again_by_the_clock() -> None:
    (case,) = load_all(["sip-binding-40s"])
    events = (
        Event("wait-first-registered"),
        Event("call", at_age_s=31),
        Event("wait-registered"),
        Event("call", at_age_s=41, answered="no"),
    )
    side = replace(case.sides[1], events=events)
    run = Played(side, Measured(), (), (-1.0, 31.0, 33.0, 95.0, 105.0))
    assert again(run).events == (
        events[0],
        Event("wait-until", seconds=31.0),
        Event("call"),
        Event("wait-until", seconds=95.0),
        Event("call", answered="no"),
        Event("wait-until", seconds=105.0),
    )
