"""The reading of ``*.conf`` beside that of real Asterisks: 16 (chan_sip, IAX2) and 22 (PJSIP)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipdiag.advice import Recommendation
from sipdiag.advice.conf_advice import advise
from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.conf_setup import Entity, read_setup
from sipdiag.asterisk.conf_values import is_true, number
from tests.asterisk.conf_asterisk import AskedAsterisk
from tests.lab.prepare import missing

pytestmark = pytest.mark.lab

_SIP = """\
[general]
udpbindaddr=127.0.0.1
qualifyfreq=33 ; seconds
nat=no
;-- nat=yes
--;
minexpiry=90
[general]
nat=comedia
[tmpl](!)
type=friend
host=dynamic
nat=force_rport,comedia
qualify=yes
[auto](!)
type=friend
host=dynamic
nat=auto_force_rport,auto_comedia
[101](tmpl)
qualifyfreq=25
[102](tmpl)
nat=force_rport, comedia
[103](tmpl)
nat=no
nat=force_rport, comedia
[104](tmpl)
[104](+)
qualifyfreq => 77x
nat=no
[105](auto)
nat=force_rport,comedia
[106](auto)
nat=no
nat=force_rport,comedia
[107](auto,tmpl)
nat=yes
[108](101)
qualify=on
[109]
type=friend
host=dynamic
nat=yes
[109]
type=friend
host=dynamic
qualify=1
[110](tmpl)
nat=never
#include more.conf
after=1
[111]
host=dynamic
[113]
type=friend
host=dynamic
nat=yes
qualify=yes
qualifyfreq=55
[113]
type=friend
host=dynamic
qualifyfreq=66
nat=comedia
"""
_MORE = "qualifyfreq=44\n[112](tmpl)\nnat=route;--x--;\n"

_IAX = """\
[general]
bindaddr=127.0.0.1
minregexpire=300
maxregexpire=120
[a](!)
type=friend
host=dynamic
qualify=yes
[b](a)
qualifyfreqok=25000
[c](a)
qualify=on
qualifyfreqok=25
[d](b)
qualifyfreqok=abc
"""

_PJSIP = """\
[udp]
type=transport
protocol=udp
bind=127.0.0.1
[e](!)
type=endpoint
rewrite_contact=yes
force_rport=off
[201](e)
aors=201
rtp_symmetric=1
[201]
type=aor
qualify_frequency=25
max_contacts=1
[202](e)
aors=other
rewrite_contact=maybe
[other]
type=aor
minimum_expiration=20
maximum_expiration=30
[201](+type=aor)
remove_existing=yes
"""
_WIZARD = """\
[w](!)
type=wizard
transport=udp
accepts_registrations=yes
endpoint/rewrite_contact=yes
aor/qualify_frequency=40
[203](w)
aor/max_contacts=3
"""


@pytest.fixture(scope="module")
def old() -> Iterator[AskedAsterisk]:
    """Asterisk 16."""
    if lacking := missing():
        pytest.skip("; ".join(lacking))
    with AskedAsterisk(
        "bullseye",
        {
            "sip.conf": _SIP.encode(),
            "more.conf": _MORE.encode(),
            "iax.conf": _IAX.encode(),
            "extensions.conf": b"",
        },
    ) as asterisk:
        yield asterisk


@pytest.fixture(scope="module")
def new() -> Iterator[AskedAsterisk]:
    """Asterisk 22."""
    if lacking := missing():
        pytest.skip("; ".join(lacking))
    files = {"pjsip.conf": _PJSIP.encode(), "pjsip_wizard.conf": _WIZARD.encode()}
    with AskedAsterisk("sid", files | {"extensions.conf": b""}) as asterisk:
        yield asterisk


def _shown(text: str, name: str) -> str | None:
    found = re.search(rf"^\s*{re.escape(name)}\s*:\s*(.*?)\s*$", text, re.M)
    return found[1] if found else None


def _flag(forced: bool, auto: bool) -> str:
    return "Auto (No)" if auto else "Yes" if forced else "No"


def test_chan_sip(old: AskedAsterisk, tmp_path: Path) -> None:
    (tmp_path / "sip.conf").write_text(_SIP)
    (tmp_path / "more.conf").write_text(_MORE)
    setup = read_setup(ConfDir(tmp_path))
    general = setup.general("chan_sip")
    said = old.ask("sip show settings")
    assert general is not None
    assert _shown(said, "Force rport") == _flag(general.nat().rport, general.nat().auto_rport)
    assert _shown(said, "Qualify Freq") == f"{general.get('qualifyfreq').value} ms".replace(
        " ", "000 "
    )
    assert f"Reg. min duration       {general.get('minexpiry').value} secs" in said
    for name in map(str, range(101, 114)):
        said = old.ask(f"sip show peer {name}")
        peer = setup.find("chan_sip", name)
        if "not found" in said:
            assert peer is None, name
            continue
        assert peer is not None, name
        mode = peer.nat()
        assert _shown(said, "Force rport") == _flag(mode.rport, mode.auto_rport), name
        assert _shown(said, "Symmetric RTP") == _flag(mode.comedia, mode.auto_comedia), name
        seconds = number(peer.get("qualifyfreq").value)
        assert _shown(said, "Qualify Freq") == f"{seconds}000 ms", name
        monitored = _shown(said, "Status") != "Unmonitored"
        assert monitored == (peer.max_ms() > 0), name


def test_a_changed_file_does_what_it_should(tmp_path: Path) -> None:
    """Every peer's nat, wherever it came from, set by the advice: Asterisk agrees."""
    if lacking := missing():
        pytest.skip("; ".join(lacking))
    (tmp_path / "sip.conf").write_text(_SIP)
    (tmp_path / "more.conf").write_text(_MORE)
    setup = read_setup(ConfDir(tmp_path))
    names = [entity.name for entity in setup.of("chan_sip")]
    wanted = [("nat", "force_rport,comedia"), ("qualify", "yes"), ("qualifyfreq", "21")]
    advice = advise(
        [
            Recommendation(
                rank, "chan_sip", "sip.conf", f"[{name}]", option, None, value, None,
                ["SD501"], "", "", "",
            )
            for rank, name in enumerate(names, 1)
            for option, value in wanted
        ],
        setup,
    )  # fmt: skip
    assert advice.by_hand == []
    files = {"sip.conf": _SIP.encode(), "more.conf": _MORE.encode(), **advice.contents}
    with AskedAsterisk("bullseye", {**files, "extensions.conf": b""}) as asterisk:
        for name in names:
            said = asterisk.ask(f"sip show peer {name}")
            shown = [_shown(said, each) for each in ("Force rport", "Symmetric RTP")]
            assert shown == ["Yes", "Yes"], name
            assert _shown(said, "Qualify Freq") == "21000 ms", name
            assert _shown(said, "Status") != "Unmonitored", name


def test_iax2(old: AskedAsterisk, tmp_path: Path) -> None:
    (tmp_path / "iax.conf").write_text(_IAX)
    setup = read_setup(ConfDir(tmp_path))
    for name in "abcd":
        said = old.ask(f"iax2 show peer {name}")
        peer = setup.find("iax2", name)
        if "not found" in said:
            assert peer is None, name
            continue
        assert peer is not None, name
        monitored = _shown(said, "Status") != "Unmonitored"
        assert monitored == (peer.max_ms() > 0), name
        every = number(peer.get("qualifyfreqok").value)
        if every is not None:
            assert (_shown(said, "Qualify") or "").startswith(f"every {every}ms when OK"), name
    assert "resetting minimum to 120" in old.log


def _truth(entity: Entity, option: str, kind: str) -> str:
    value = entity.get(option, kind).value
    return str(is_true(value)).lower()


def test_pjsip(new: AskedAsterisk, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(_PJSIP)
    (tmp_path / "pjsip_wizard.conf").write_text(_WIZARD)
    setup = read_setup(ConfDir(tmp_path))
    for name, aor in (("201", "201"), ("202", "other"), ("203", "203")):
        entity = setup.find("pjsip", name)
        assert entity is not None
        said = new.ask(f"pjsip show endpoint {name}")
        for option in ("rewrite_contact", "force_rport", "rtp_symmetric", "direct_media"):
            assert _shown(said, option) == _truth(entity, option, "endpoint"), (name, option)
        said = new.ask(f"pjsip show aor {aor}")
        for option in (
            "qualify_frequency",
            "minimum_expiration",
            "maximum_expiration",
            "max_contacts",
        ):
            assert _shown(said, option) == entity.get(option, "aor").value, (name, option)
        assert _shown(said, "remove_existing") == _truth(entity, "remove_existing", "aor")
