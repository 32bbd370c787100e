"""SD603 fires on pings in the wrong unit and on keepalives that do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag import pipeline
from sipdiag.asterisk.conf_files import ConfDir
from tests.findings.settings import found_in, issues

CAPTURES = Path(__file__).parents[2] / "captures"
_PEER = "[101]\ntype=friend\nhost=dynamic\n"
_PJSIP = "[101]\ntype=endpoint\naors=101\n[101]\ntype=aor\nmax_contacts=1\n"
_UDP, _TLS = "[udp]\ntype=transport\n", "[tls]\ntype=transport\nprotocol=tls\n"
_GLOBAL = "[global]\ntype=global\nkeep_alive_interval=30\n"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("iax", _PEER + "qualify=yes\nqualifyfreqok=25\n", {"unit": "warning"}),
        ("sip", _PEER + "qualify=yes\nqualifyfreq=25000\n", {"unit": "warning"}),
        ("pjsip", _PJSIP + "qualify_frequency=25000\n", {"unit": "warning"}),
        ("sip", _PEER + "qualify=on\n", {"qualify-word": "warning"}),
        ("iax", _PEER + "qualify=true\n", {"qualify-word": "warning"}),
        ("sip", _PEER + "qualify=30\n", {"qualify-number": "warning"}),
        ("sip", "[general]\nkeepalive=20\n" + _PEER, {"keepalive-ends": "warning"}),
        ("pjsip", _PJSIP + _UDP + _GLOBAL, {"keepalive-tcp-only": "warning"}),
        ("pjsip", _PJSIP + _UDP + _TLS + _GLOBAL, {"keepalive-tcp-only": "info"}),
        ("sip", "[general]\n" + _PEER + "nat=force_rport,comedia\n", {"none-told": "info"}),
    ],
)
def test_fires(file: str, text: str, expected: dict[str, str], tmp_path: Path) -> None:
    assert issues(found_in(tmp_path, files={file: text}), "SD603") == expected


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("iax", _PEER + "qualify=yes\nqualifyfreqok=25000\n"),
        ("sip", _PEER + "qualify=yes\nqualifyfreq=25\n"),
        ("sip", _PEER + "qualify=300\n"),
        ("sip", _PEER + "qualify=no\n"),
        ("sip", _PEER),
        ("sip", "[general]\nkeepalive=20\nqualify=yes\n" + _PEER),
        ("sip", "[general]\nkeepalive=no\n" + _PEER),
        ("pjsip", _PJSIP + "qualify_frequency=25\n" + _UDP + _GLOBAL),
        ("pjsip", _PJSIP + _TLS + _GLOBAL),
    ],
)
def test_silent(file: str, text: str, tmp_path: Path) -> None:
    assert issues(found_in(tmp_path, files={file: text}), "SD603") == {}


def test_what_stands_in_many_sections_is_told_once(tmp_path: Path) -> None:
    peers = "".join(_PEER.replace("101", str(n)) + "qualify=30\n" for n in range(100, 160))
    found = [f for f in found_in(tmp_path, sip="[general]\n" + peers) if f.code == "SD603"]
    (finding,) = found
    assert finding.params["sections"] == [str(n) for n in range(100, 160)]
    assert "The same stands in 59 more: 101, 102" in finding.message


@pytest.mark.parametrize(
    ("qualify", "expected"),
    [("", ["none"]), ("qualify=yes\n", ["too-seldom"]), ("qualify=yes\nqualifyfreq=20\n", None)],
)
def test_a_binding_that_expires(qualify: str, expected: list[str] | None, tmp_path: Path) -> None:
    (tmp_path / "sip.conf").write_text("[general]\nnat=force_rport,comedia\n" + _PEER + qualify)
    options = pipeline.Options(config=ConfDir(tmp_path))
    bad = CAPTURES / "sip-binding-30s" / "bad.pcap"
    report = pipeline.analyse(str(bad), options=options)
    assert report.verdict.code == "SD501"
    found = [f for f in report.findings if f.code == "SD603"]
    if expected is None:
        assert found == []
    else:
        (finding,) = found
        assert finding.params["issues"] == expected
        assert finding.caused_by == "nat-binding-expired"
