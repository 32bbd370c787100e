"""Recommendations become changes at the right place, and only where they do what they should."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipdiag import pipeline
from sipdiag.advice import Recommendation
from sipdiag.advice.conf_advice import ConfAdvice, advise, choose
from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.conf_setup import Setup, read_setup

_NAT = "force_rport,comedia"


def _recommended(
    option: str, value: str, section: str = "[101]", *, file: str | None = "sip.conf",
    rank: int = 1, code: str = "SD203",
) -> Recommendation:  # fmt: skip
    where = {"sip.conf": "chan_sip", "pjsip.conf": "pjsip", "iax.conf": "iax2", None: "router"}
    return Recommendation(
        rank, where[file], file, section if file else None, option, None, value, None, [code],
        "it helps", "look", "put it back",
    )  # fmt: skip


def _setup(folder: Path, files: dict[str, str | bytes]) -> Setup:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_setup(ConfDir(folder))


def _advise(folder: Path, text: str | bytes, *items: Recommendation, **more: str) -> ConfAdvice:
    files: dict[str, str | bytes] = {items[0].file or "sip.conf": text}
    return advise(items, _setup(folder, files | dict(more)))


def _after(advice: ConfAdvice, name: str = "sip.conf") -> str:
    return advice.contents[name].decode()


_PEER = "[101]\ntype=friend\nhost=dynamic\nsecret=geheim\n"


def test_an_option_is_changed_where_it_is_set(tmp_path: Path) -> None:
    text = f"[general]\nnat={_NAT}\n{_PEER}nat = no ; why not\n\n[102]\n"
    advice = _advise(tmp_path, text, _recommended("nat", _NAT))
    assert _after(advice) == text.replace("nat = no", f"nat = {_NAT}")
    assert b"geheim" not in advice.diff
    (change,) = advice.changes
    assert (change.added, change.before, change.place.line, change.affects) == (False, "no", 7, [])


def test_an_option_is_added_to_the_peers_section_in_its_style(tmp_path: Path) -> None:
    text = "[general]\r\n[101]\r\n  type => friend\r\n\r\n[102]\r\ntype=friend\r\n"
    advice = _advise(tmp_path, text, _recommended("qualify", "yes", code="SD501"))
    assert _after(advice) == text.replace("friend\r\n\r\n", "friend\r\n  qualify => yes\r\n\r\n")


def test_a_template_is_left_to_the_others(tmp_path: Path) -> None:
    text = "[general]\n[t](!)\ntype=friend\nqualify=no\n[101](t)\nsecret=x\n[102](t)\nsecret=y\n"
    advice = _advise(tmp_path, text, _recommended("qualify", "yes", code="SD501"))
    assert _after(advice) == text.replace("secret=x\n", "secret=x\nqualify=yes\n")
    assert advice.changes[0].affects == []


def test_an_included_line_that_others_share_is_said_to_be_shared(tmp_path: Path) -> None:
    text = "[general]\n[101]\ntype=friend\n#include o.conf\n[102]\ntype=friend\n#include o.conf\n"
    setup = _setup(tmp_path, {"sip.conf": text, "o.conf": "qualify=no\n"})
    advice = advise([_recommended("qualify", "yes", code="SD501")], setup)
    assert list(advice.contents) == ["o.conf"]
    assert advice.changes[0].affects == ["102"]
    assert advice.notes == ["qualify in o.conf changes for 102, too."]


def test_nat_belongs_into_general(tmp_path: Path) -> None:
    text = f"[general]\nbindport=5060\n{_PEER}"
    advice = _advise(tmp_path, text, _recommended("nat", _NAT))
    assert _after(advice) == text.replace("5060\n", f"5060\nnat={_NAT}\n")


def test_a_peer_of_its_own_mind_is_changed_too(tmp_path: Path) -> None:
    text = f"[general]\nbindport=5060\n{_PEER}nat=no\n"
    after = _after(_advise(tmp_path, text, _recommended("nat", _NAT)))
    assert after == text.replace("5060\n", f"5060\nnat={_NAT}\n").replace("nat=no", f"nat={_NAT}")


def test_an_inherited_auto_is_ended_first(tmp_path: Path) -> None:
    template = "[t](!)\ntype=friend\nnat=auto_force_rport\n"
    text = f"[general]\nnat={_NAT}\n{template}[101](t)\nhost=dynamic\n"
    after = _after(_advise(tmp_path, text, _recommended("nat", _NAT)))
    assert after == text + f"nat=no\nnat={_NAT}\n"


def test_general_options_go_to_general(tmp_path: Path) -> None:
    text = f"[general]\nmaxexpiry=3600\n{_PEER}"
    items = [_recommended(o, "60", "[general]", code="SD502") for o in ("minexpiry", "maxexpiry")]
    advice = _advise(tmp_path, text, *items)
    assert _after(advice) == text.replace("3600", "60")
    assert advice.already == [
        "minexpiry for [general] is not written, and its default suits: already so."
    ]


def test_pjsip_parts_are_told_apart(tmp_path: Path) -> None:
    text = "[101]\ntype=aor\nmax_contacts=1\n[101]\ntype=endpoint\naors=101\n"
    items = [
        _recommended("qualify_frequency", "25", "[101] type=aor", file="pjsip.conf"),
        _recommended("rewrite_contact", "yes", "[101] type=endpoint", file="pjsip.conf"),
    ]
    assert _after(_advise(tmp_path, text, *items), "pjsip.conf") == (
        "[101]\ntype=aor\nmax_contacts=1\nqualify_frequency=25\n"
        "[101]\ntype=endpoint\naors=101\nrewrite_contact=yes\n"
    )


def test_an_aor_of_another_name_and_a_wizard(tmp_path: Path) -> None:
    wizard = "[101]\ntype=wizard\nendpoint/context=in\n"
    pjsip = "[102]\ntype=endpoint\naors=desk\n[desk]\ntype=aor\n"
    setup = _setup(tmp_path, {"pjsip.conf": pjsip, "pjsip_wizard.conf": wizard})
    items = [
        _recommended("qualify_frequency", "25", f"[{n}] type=aor", file="pjsip.conf", code="SD501")
        for n in ("101", "102")
    ]
    advice = advise(items, setup)
    assert _after(advice, "pjsip_wizard.conf") == wizard + "aor/qualify_frequency=25\n"
    assert _after(advice, "pjsip.conf") == pjsip + "qualify_frequency=25\n"


def test_what_is_so_already_contradicts_the_traffic(tmp_path: Path) -> None:
    text = f"[general]\nnat={_NAT}\n{_PEER}"
    setup = _setup(tmp_path, {"sip.conf": text})
    advice = advise([_recommended("nat", _NAT)], setup)
    assert (advice.diff, advice.changes) == (b"", [])
    assert advice.already == [f"sip.conf:2 says nat={_NAT} for [101]: already so."]
    (contradiction,) = advice.contradictions
    assert "wasn't reloaded" in contradiction and "SD203" in contradiction
    later = advise([_recommended("nat", _NAT)], setup, seen_until_ns=1)
    assert "changed after the capture was made" in later.contradictions[0]


def test_a_phone_that_is_off_contradicts_nothing(tmp_path: Path) -> None:
    text = f"[general]\n{_PEER}qualify=yes\n"
    advice = _advise(tmp_path, text, _recommended("qualify", "yes", code="SD201"))
    assert advice.already and not advice.contradictions


def test_what_needs_a_person_is_no_change(tmp_path: Path) -> None:
    items = [
        _recommended("secret", "<the same as in the phone>"),
        _recommended("externaddr", "<the PBX's public address>", "[general]"),
        _recommended("nat", _NAT, "[999]", code="SD202"),
    ]
    advice = _advise(tmp_path, f"[general]\nnat=no\n{_PEER}", *items)
    assert advice.diff == b""
    assert advice.by_hand[0] == (
        "sip.conf [101]: secret=<the same as in the phone> (sip.conf:6 sets it now)"
    )
    assert "geheim" not in " ".join(advice.by_hand)
    assert advice.by_hand[2].startswith("No section for [999]")


def test_a_generated_file_is_said_to_be_one(tmp_path: Path) -> None:
    text = f"; Do not edit: auto-generated by a GUI\n[general]\n{_PEER}"
    advice = _advise(tmp_path, text, _recommended("nat", _NAT))
    assert any("generated" in note for note in advice.notes)


_SECTIONS = ["[general]", "[101]", "[102]", "[t](!)", "[101](t)", "[101](+)"]
_SIP = ["type=friend", "host=dynamic", "nat=force_rport, comedia", "nat=no", "nat=auto_comedia,x"]
_MORE = ["qualify=30", "keepalive=9", "maxexpiry=30", "externaddr=x", "secret=geheim", "nat+=,no"]
_PJSIP = ["type=endpoint", "type=aor", "aors=101", "type=transport", "type=wizard", "type=global"]
_OPTIONS = ["external_media_address=10.0.0.1", "qualify_frequency=99999", "maximum_expiration=1"]
_IAX = ["qualifyfreqok=25", "maxregexpire=1", "minregexpire=2", "keep_alive_interval=9"]
_ODD = ["= ", ";--", "--;", "aor/contact=", "#include iax.conf"]
_LINES = st.sampled_from([*_SECTIONS, *_SIP, *_MORE, *_PJSIP, *_OPTIONS, *_IAX, *_ODD])


@settings(max_examples=80, deadline=None)
@given(sip=st.lists(_LINES), pjsip=st.lists(_LINES), iax=st.lists(_LINES))
def test_any_files_are_judged_and_changed_without_an_error(
    sip: list[str], pjsip: list[str], iax: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("conf")
    for name, lines in (("sip", sip), ("pjsip", pjsip), ("pjsip_wizard", pjsip), ("iax", iax)):
        (folder / f"{name}.conf").write_text("\n".join(lines))
    advised = pipeline.advise(options=pipeline.Options(config=ConfDir(folder)))
    assert b"geheim" not in advised.changes.diff
    items = [_recommended("nat", _NAT), _recommended("qualify", "yes", "[102]", code="SD501")]
    setup = read_setup(ConfDir(folder))
    advice = advise(items, setup)
    then = read_setup(ConfDir(folder, advice.contents))
    for change in advice.changes:
        assert change.place.file in advice.contents
        found = then.find("chan_sip", change.wanted.name)
        if found is not None and change.wanted.option == "nat":
            assert found.nat().rport and found.nat().comedia


@pytest.mark.parametrize("ended", [True, False])
def test_a_secret_in_the_last_line_is_not_shown(ended: bool, tmp_path: Path) -> None:
    text = "[general]\n[101]\ntype=friend\nsecret=geheim" + ("\n" if ended else "")
    advice = _advise(tmp_path, text, _recommended("qualify", "yes", code="SD501"))
    assert b"geheim" not in advice.diff and advice.changes
    assert _setup(tmp_path, {"sip.conf": _after(advice)}).entities[0].max_ms() == 2000


def test_the_first_way_is_taken_and_no_other() -> None:
    items = [
        _recommended("UDP timeout", "300", file=None, rank=1, code="SD501"),
        _recommended("qualify", "yes", rank=2, code="SD501"),
        _recommended("qualifyfreq", "25", rank=2, code="SD501"),
        _recommended("minexpiry", "25", "[general]", rank=3, code="SD501"),
        _recommended("qualify", "yes", "[102]", rank=4, code="SD501"),
        _recommended("nat", _NAT, rank=5, code="SD203"),
        _recommended("nat", _NAT, "[general]", rank=6, code="SD601"),
    ]
    chosen = [(r.section, r.option) for r in choose(items, None)]
    assert chosen == [
        ("[101]", "qualify"), ("[101]", "qualifyfreq"), ("[102]", "qualify"), ("[101]", "nat"),
        ("[general]", "nat"),
    ]  # fmt: skip
    first = [_recommended("maxregexpire", "25", "[general]", file="iax.conf", code="SD501")]
    other = [_recommended("qualify", "yes", "[b]", file="iax.conf", rank=2, code="SD501")]
    assert choose(first + other, None) == first


def test_the_driver_that_knows_the_client_is_meant(tmp_path: Path) -> None:
    setup = _setup(
        tmp_path,
        {"sip.conf": "[general]\n", "pjsip.conf": "[101]\ntype=endpoint\naors=101\n"},
    )
    items = [
        _recommended("nat", _NAT),
        _recommended("rewrite_contact", "yes", "[101] type=endpoint", file="pjsip.conf"),
    ]
    assert [r.where for r in choose(items, setup)] == ["pjsip"]
