"""Names, numbers and identifiers give way to stand-ins; software and form stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.anonymise.standins import StandIns
from sipdiag.base.limits import Limits


def test_users_and_numbers_are_counted() -> None:
    s = StandIns()
    assert [s.user("alice"), s.user("+49301234567"), s.user("alice")] == ["user1", "user2", "user1"]


@pytest.mark.parametrize("user", ["asterisk", "anonymous", "s", ""])
def test_users_that_are_nobody_stay(user: str) -> None:
    assert StandIns().user(user) == user


def test_a_display_that_is_a_user_gets_the_users_name() -> None:
    s = StandIns()
    s.user("alice")
    assert (s.name("alice"), s.name("Alice Smith")) == ("user1", "Name 1")


def test_hosts() -> None:
    s = StandIns()
    assert s.host("pbx.acme.example.org") == s.host("PBX.acme.example.org") == "host1.example"
    assert s.host("[2a02::1]") == "[2001:db8:0:1::1]"
    assert s.host("localhost") == "localhost"
    assert s.user("alice@acme.org") == "user1@host2.example"


@pytest.mark.parametrize(
    ("token", "form"),
    [
        ("z9hG4bKPjf01f0f4a-1718-49a7", r"z9hG4bKPj[0-9a-f]{8}-\d{4}-[0-9a-f]{4}"),
        ("z9hG4bK5baaaeb5", r"z9hG4bK[0-9a-f]{8}"),
        ("as2645f9ac", r"as[0-9a-f]{8}"),
        ("a48c538da2622408", r"[0-9a-f]{16}"),
        ("3848276298220188511@atlanta", r"\d{19}@[a-z]{7}"),
        ("<urn:uuid:5d0c1a9e-4d1a>", r"<urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}>"),
    ],
)
def test_identifiers_keep_their_form(token: str, form: str) -> None:
    made = StandIns().token(token)
    assert made != token
    assert re.fullmatch(form, made)


def test_a_tag_that_is_a_branch_still_is() -> None:
    s = StandIns()
    branch = s.token("z9hG4bKae6119ff335ddd13")
    assert s.token("z9hG4bKae6119ff335ddd13") == branch
    assert s.token("z9hG4bKae6119ff335ddd14") != branch


def test_an_address_in_an_identifier_is_that_address() -> None:
    s = StandIns()
    inner = s.ip("192.168.1.50")
    made = s.token("2db89ad9@192.168.1.50:5060")
    assert made.endswith(f"@{inner}:5060")
    assert s.token("2db89ad9@93.184.216.34").partition("@")[0] == made.partition("@")[0]


@pytest.mark.parametrize(
    ("software", "made"),
    [
        ("Asterisk PBX 16.28.0~dfsg-0+deb11u4", "Asterisk PBX 16.28.0~dfsg-0+deb11u4"),
        ("FPBX-16.0.33(18.9.1)", "FPBX-16.0.33(18.9.1)"),
        ("Grandstream GXP1625 1.0.4.128", "Grandstream GXP1625 1.0.4.128"),
        ("Yealink SIP-T21P_E2 52.84.0.15", "Yealink SIP-T21P_E2 52.84.0.15"),
        ("baresip v1.0.0 (x86_64/linux)", "baresip v1.0.0 (x86_64/linux)"),
    ],
)
def test_software_and_its_version_stay(software: str, made: str) -> None:
    assert StandIns().software(software) == made


@pytest.mark.parametrize(
    "hidden",
    ["805ec0aabbcc", "80:5e:c0:aa:bb:cc", "80-5E-C0-AA-BB-CC", "SN00100400SV02001000",
     "alice@acme.org", "pbx.acme.org", "alice"],
)  # fmt: skip
def test_who_it_belongs_to_does_not(hidden: str) -> None:
    s = StandIns()
    s.user("alice")
    made = s.software(f"Yealink SIP-T21P {hidden}")
    assert made.startswith("Yealink SIP-T21P ")
    assert hidden.lower() not in made.lower()


def test_an_address_met_elsewhere_leaves_the_software_too() -> None:
    s = StandIns()
    s.ip("93.184.216.34")
    assert s.software("pbx at 93.184.216.34") == f"pbx at {s.ip('93.184.216.34')}"


def test_sentences_keep_all_but_addresses() -> None:
    s = StandIns()
    text = "TLS between 93.184.216.34:5061 and [2a02::1]:5061 at 12:34:56, 1.5 s"
    made = s.within(text)
    assert "93.184" not in made and "2a02" not in made
    assert made.endswith("]:5061 at 12:34:56, 1.5 s")


def test_a_full_table_keeps_forms_and_says_so() -> None:
    s = StandIns(Limits(stand_ins=2))
    assert [s.user(name) for name in ("a1", "b2", "c3", "d4")] == [
        "user1", "user2", "userx", "userx",
    ]  # fmt: skip
    assert s.token("aaaa-1") and s.token("bbbb-1") and s.token("cccc-1") == "xxxx-x"
    assert s.hits.names() == ["stand_ins"]


@given(st.lists(st.text(min_size=1, max_size=30), unique=True, max_size=40))
def test_different_tokens_stay_different(tokens: list[str]) -> None:
    s = StandIns()
    names = [t for t in tokens if any(c.isalnum() for c in t) and not re.search(r"[0-9.:@]", t)]
    made = [s.token(t) for t in names]
    assert len(set(made)) == len(names)
    assert made == [s.token(t) for t in names]
