"""Which case holds, from what was asked and granted."""

from __future__ import annotations

import pytest

from sipdiag.advice import iax2_patch as advice
from sipdiag.advice.iax2_patch import Case, Exchange, Plan, Registered, Side, server_range
from sipdiag.asterisk.iax2_header_versions import parse_release
from sipdiag.base.errors import InputError, UsageError
from sipdiag.base.interval import Interval
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import judge
from sipdiag.findings.context import Context
from tests.told import subjects_of

KNOWN = Interval(29.7, 33.0)


def _plan(*exchanges: tuple[int | None, int], lifetime: Interval = KNOWN) -> Plan:
    granted = [Exchange(*exchange) for exchange in exchanges]
    seen = Registered("101", "203.0.113.80:4569", granted)
    return Plan([seen], lifetime, server_range(granted))


def _read(s: Scenario) -> Plan:
    context = Context(subjects_of(s))
    return advice.read(context.reaches, judge(context).findings)


def _registered(*exchanges: tuple[int, int]) -> Scenario:
    s = Scenario()
    box = s.iax_peer("101", inner="192.168.1.50", outer="203.0.113.7")
    for number, (asked, granted) in enumerate(exchanges):
        s.at(50 * number)
        s.register(box, refresh=asked, granted=granted)
    return s


@pytest.mark.parametrize(
    ("exchanges", "seconds", "case"),
    [
        # A stock server and client agree on 60: nothing is shown of 25.
        ([(60, 60), (60, 60)], 25, Case.OPEN),
        # The server pulls a client that asks for less up to its minimum.
        ([(25, 60), (60, 60)], 25, Case.SERVER),
        ([(25, 60)], 59, Case.SERVER),
        ([(25, 60)], 60, Case.GRANTED),
        # The server pulls a client that asks for more down to its maximum.
        ([(60, 25), (25, 25)], 30, Case.SERVER),
        ([(60, 25), (25, 25)], 25, Case.GRANTED),
        ([(60, 25), (25, 25)], 20, Case.OPEN),
        # A fixed server: it moves both to 60.
        ([(25, 60), (120, 60)], 61, Case.SERVER),
        # A wide server gives each what it asks for.
        ([(20, 20), (120, 120)], 25, Case.CLIENT),
        ([(20, 20), (120, 120)], 19, Case.OPEN),
        # Without REFRESH the minimum is granted.
        ([(None, 60)], 25, Case.SERVER),
        ([(0, 60)], 25, Case.SERVER),
    ],
)
def test_the_case(exchanges: list[tuple[int | None, int]], seconds: int, case: Case) -> None:
    plan = _plan(*exchanges)
    assert advice.case_of(plan, seconds) is case
    assert advice.seen(plan)[0].startswith("Seen: 101 asked for")
    assert advice.explain(plan, case, seconds)[-1].startswith("Case: ")


def test_the_range_is_told_as_far_as_it_is_known() -> None:
    for exchanges, words in (
        ([(25, 60)], "It grants 60 s at least"),
        ([(90, 60)], "It grants 60 s at most"),
        ([(25, 60), (90, 60)], "It grants 60 s and nothing else"),
        ([(25, 50), (90, 80)], "It grants 50 s at least, 80 s at most"),
    ):
        plan = _plan(*exchanges)
        assert words in advice.explain(plan, Case.SERVER, 25)[-1]
    wide = _plan((20, 20), (120, 120))
    assert "The server grants 20 to 120 s" in advice.explain(wide, Case.CLIENT, 25)[-1]


def test_read_from_packets() -> None:
    plan = _read(_registered((60, 25), (25, 25), (25, 25)))
    assert plan.registered == [
        Registered("101", "203.0.113.80:4569", [Exchange(60, 25), *[Exchange(25, 25)] * 2])
    ]
    assert plan.lifetime == Interval()
    assert (
        "asked for 60 s, granted 25 s (once); asked for 25 s, granted 25 s (2 times)"
        in advice.seen(plan)[0]
    )


def test_the_shortest_lived_binding_counts() -> None:
    s = Scenario()
    for number, ages in enumerate(((20, 36), (29, 45))):
        box = s.iax_peer(str(101 + number), inner="192.168.1.50", outer=f"203.0.113.{7 + number}")
        for round_ in range(6):
            s.at(100 * round_)
            s.register(box, refresh=110, granted=110)
            s.at(100 * round_ + ages[round_ % 2])
            s.call(box, answered=round_ % 2 == 0, talk_s=1)
    plan = _read(s)
    assert len(plan.registered) == 2
    lower, upper = plan.lifetime
    assert lower == pytest.approx(20, abs=0.5) and upper == pytest.approx(36, abs=0.5)
    # What the diagnosis didn't find isn't known, whatever packets went unanswered.
    assert advice.read(Context(subjects_of(s)).reaches, []).lifetime == Interval()


def test_no_registration() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    with pytest.raises(InputError, match="no registration over IAX2"):
        _read(s)


def test_several_servers_are_not_mixed() -> None:
    a, b = (Registered("101", f"203.0.113.{n}:4569", [Exchange(60, 60)]) for n in (80, 81))
    assert a.server != b.server
    s = _registered((60, 60))
    reaches = Context(subjects_of(s)).reaches
    other = Context(subjects_of(_registered((60, 60)))).reaches
    registration = other[0].peer.registration
    assert registration is not None
    other[0].peer.local = registration.local._replace(ip="203.0.113.81")
    with pytest.raises(InputError, match="several IAX2 servers"):
        advice.read([*reaches, *other], [])


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [
        (KNOWN, 25),
        (Interval(40.0, 45.0), 34),
        (Interval(0.02, 60.0), 25),
    ],
)
def test_the_value_for_a_lifetime(lifetime: Interval, seconds: int) -> None:
    assert advice.choose_seconds(lifetime) == seconds
    advice.check_lifetime(seconds, lifetime)


@pytest.mark.parametrize(
    ("lifetime", "reason"),
    [
        (Interval(), "no binding expired"),
        (Interval(55.0, None), "no binding expired"),
        (Interval(17.0, 40.0), "too short"),
        (Interval(21.0, 24.0), "too short"),
        (Interval(0.02, 30.0), "too short"),
    ],
)
def test_no_value_for_a_lifetime(lifetime: Interval, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        advice.choose_seconds(lifetime)


@pytest.mark.parametrize(
    ("seconds", "lifetime", "refused"),
    [
        (29, KNOWN, False),
        (30, KNOWN, True),
        (33, KNOWN, True),
        (60, KNOWN, True),
        (30, Interval(0.02, 33.0), False),
        (33, Interval(0.02, 33.0), True),
        (18, Interval(17.0, 19.0), True),
        (600, Interval(55.0, None), False),
        (600, Interval(), False),
    ],
)
def test_a_value_above_the_lifetime_is_refused(
    seconds: int, lifetime: Interval, refused: bool
) -> None:
    if not refused:
        advice.check_lifetime(seconds, lifetime)
        return
    with pytest.raises(UsageError, match="can't work"):
        advice.check_lifetime(seconds, lifetime)


@pytest.mark.parametrize(
    ("side", "release", "exchanges", "refused"),
    [
        (Side.CLIENT, "16", [(25, 60)], True),
        (Side.CLIENT, None, [(25, 60)], True),
        (Side.SERVER, "16", [(25, 60)], False),
        (None, "16", [(25, 60)], False),
        (Side.CLIENT, "16", [(20, 20), (60, 60)], False),
        # A client of Asterisk 1.0 keeps its own value where that is the smaller one.
        (Side.CLIENT, "1.0.12", [(25, 60)], False),
    ],
)
def test_a_patched_client_under_a_strict_server_is_refused(
    side: Side | None, release: str | None, exchanges: list[tuple[int | None, int]], refused: bool
) -> None:
    plan = _plan(*exchanges)
    case = advice.case_of(plan, 25)
    version = parse_release(release) if release else None
    if not refused:
        advice.check_side(plan, case, side, version, 25)
        return
    with pytest.raises(UsageError, match="changes nothing"):
        advice.check_side(plan, case, side, version, 25)


def test_the_settings_that_do_it_without_a_patch() -> None:
    lines = ["[general]", "minregexpire=25", "maxregexpire=25"]
    assert advice.settings(None, 25) == lines
    assert advice.settings(parse_release("1.2.0"), 25) == lines
    assert advice.settings(parse_release("1.0.12"), 25) == []


def test_what_the_patch_means() -> None:
    text = " ".join(advice.meaning(parse_release("16"), 25))
    assert "default of both minregexpire and maxregexpire" in text
    assert "registers again after 20 s" in text
    assert "qualifyfreqok" in text and "Warning" not in text
    assert "no setting for it" in " ".join(advice.meaning(parse_release("1.0.9"), 25))
    assert "below 20 s" in advice.meaning(None, 10)[-1]
    assert "above 60 s" in advice.meaning(None, 120)[-1]
    assert "qualifyfreqok=25000" in advice.unchangeable(25)
