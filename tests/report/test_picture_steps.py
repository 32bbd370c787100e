"""Which steps are drawn, and how two sides of one stand beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.crafting.scenario import Scenario
from sipdiag.pipeline import Illustrated, analyse_illustrated, compare_illustrated
from sipdiag.report.picture import CAPS, Ladder, Mark, MessagePair, Pictures, StepPicture
from sipdiag.report.safe import secrets_shown

CAPTURES = Path(__file__).parents[2] / "captures"


def _compared(case: str) -> Illustrated:
    return compare_illustrated(CAPTURES / case / "good.pcap", CAPTURES / case / "bad.pcap")


@pytest.fixture(scope="module")
def binding() -> Illustrated:
    return _compared("sip-binding-30s")


@pytest.fixture(scope="module")
def alg() -> Pictures:
    case = CAPTURES / "sip-alg"
    return analyse_illustrated(case / "bad.pcap", case / "bad.inside.pcap").pictures


def _step(pictures: Pictures, title: str) -> StepPicture:
    return next(step for step in pictures.steps if step.title == title)


def _labels(ladder: Ladder | None) -> list[str | None]:
    assert ladder is not None
    return [rung.label if rung else None for rung in ladder.rungs]


def _pair(pictures: Pictures, ident: str) -> MessagePair:
    return next(pair for pair in pictures.messages if pair.ident == ident)


def _changed(pair: MessagePair) -> set[str]:
    message = pair.right or pair.left
    assert message is not None
    return {p.text for line in message.lines for p in line if p.mark is Mark.CHANGED}


def test_the_lost_call_stands_beside_the_answered_one(binding: Illustrated) -> None:
    step = _step(binding.pictures, "call to the phone #4")
    assert step.differs and (step.left_name, step.right_name) == ("GOOD", "BAD")
    assert ("outcome", "answered", "no reply") in step.facts
    assert _labels(step.left) == ["INVITE", "180 Ringing", "200 Answering", "ACK", "BYE", "200 OK"]
    assert _labels(step.right) == ["INVITE", None, None, None, None, None]


def test_retransmissions_are_one_rung_and_nothing_came_back(binding: Illustrated) -> None:
    invite = _step(binding.pictures, "call to the phone #4").right.rungs[0]
    assert invite is not None
    assert (invite.count, invite.lost) == (7, True)
    assert invite.last_s - invite.at_s == pytest.approx(12.6, abs=0.1)
    assert invite.place == "bad.pcap frame 494"


def test_the_divergence_is_marked_where_the_two_part(binding: Illustrated) -> None:
    report, pictures = binding
    assert report.comparison is not None and report.comparison.first_divergence is not None
    first = next(step for step in pictures.steps if step.right.parts_at is not None)
    assert report.comparison.first_divergence.step == f"SIP/101, {first.title}"
    assert first.right.parts_at == 0 and first.left is not None and first.left.parts_at == 0


def test_a_call_that_rang_late_is_marked_though_it_was_answered(binding: Illustrated) -> None:
    late = _step(binding.pictures, "call to the phone #5")
    assert late.differs and late.right.parts_at == 0
    assert late.right.rungs[0] is not None and not late.right.rungs[0].lost


def test_what_went_alike_is_not_marked(binding: Illustrated) -> None:
    alike = [step.title for step in binding.pictures.steps if not step.differs]
    assert "first registration" in alike and "call to the phone #1" in alike
    assert len(alike) == len(binding.pictures.steps) - 2


def test_the_order_of_acknowledgements_is_no_difference() -> None:
    pictures = _compared("iax2-binding-30s").pictures
    differ = [step.title for step in pictures.steps if step.differs]
    assert differ == ["call to the phone #4", "call to the phone #5"]


def test_lanes_are_the_phone_and_asterisk(binding: Illustrated) -> None:
    lanes = _step(binding.pictures, "call to the phone #4").right.lanes
    assert [(lane.name, lane.endpoint) for lane in lanes] == [
        ("phone", "203.0.113.7:5060"), ("Asterisk", "203.0.113.80:5060"),
    ]  # fmt: skip


def test_where_asterisk_sent_to_instead_is_a_lane_of_its_own() -> None:
    pictures = _compared("sip-nat-no").pictures
    lost = next(step for step in pictures.steps if step.differs and "call" in step.title)
    assert [(lane.name, lane.endpoint) for lane in lost.right.lanes] == [
        ("private address", "192.168.1.50:5060"), ("Asterisk", "203.0.113.80:5060"),
    ]  # fmt: skip


def test_a_message_is_shown_beside_its_like(binding: Illustrated) -> None:
    rung = _step(binding.pictures, "call to the phone #4").right.rungs[0]
    assert rung is not None
    pair = _pair(binding.pictures, rung.message)
    assert pair.left is not None and pair.right is not None
    assert pair.left.place == "good.pcap frame 493"
    assert pair.right.lines[0][0].text.startswith("INVITE sip:101-")
    assert _changed(pair) == set()


def test_secrets_in_messages_are_overwritten_unless_asked_for(binding: Illustrated) -> None:
    def shown(pictures: Pictures) -> str:
        return "".join(
            piece.text
            for pair in pictures.messages
            if pair.right is not None
            for line in pair.right.lines
            for piece in line
        )

    assert 'response="' in shown(binding.pictures) and 'response="*' in shown(binding.pictures)
    with secrets_shown():
        told = shown(_compared("sip-binding-30s").pictures)
    assert 'response="' in told and 'response="*' not in told


def test_both_sides_of_a_router_stand_beside_each_other(alg: Pictures) -> None:
    step = alg.steps[0]
    assert (step.left_name, step.right_name) == ("the phone's side", "the PBX's side")
    assert step.left is not None
    assert [lane.name for lane in step.left.lanes] == ["phone", "Asterisk"]
    assert step.left.lanes[0].endpoint == "192.168.1.50:5060"
    assert _labels(step.left) == _labels(step.right)


def test_what_the_router_rewrote_is_marked_and_nothing_else(alg: Pictures) -> None:
    register = alg.steps[0].right.rungs[0]
    assert register is not None and register.changed
    assert _changed(_pair(alg, register.message)) == {"203.0.113.7"}


def test_without_good_the_steps_that_hold_the_evidence_are_drawn() -> None:
    told = analyse_illustrated(CAPTURES / "sip-binding-30s" / "bad.pcap")
    titles = [step.title for step in told.pictures.steps]
    assert "call to the phone #4" in titles and "call to the phone #5" in titles
    assert "call to the phone #1" not in titles
    assert all(step.left is None for step in told.pictures.steps)
    assert told.pictures.steps_left_out > 0


def test_what_came_through_a_pipe_is_drawn_too(binding: Illustrated) -> None:
    path = CAPTURES / "sip-binding-30s" / "bad.pcap"
    with path.open("rb") as stream:
        piped = analyse_illustrated(stream).pictures
    straight = analyse_illustrated(path).pictures
    assert [step.title for step in piped.steps] == [step.title for step in straight.steps]
    assert [_labels(s.right) for s in piped.steps] == [_labels(s.right) for s in straight.steps]


def test_a_log_has_ladders_too() -> None:
    case = CAPTURES / "sip-binding-30s"
    pictures = compare_illustrated(case / "good.log", case / "bad.log").pictures
    lost = _step(pictures, "call to the phone #4")
    assert lost.right.rungs[0] is not None and lost.right.rungs[0].lost
    assert not pictures.exact


def test_a_long_session_is_cut_and_what_is_left_out_counted(tmp_path: Path) -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7", nat_lifetime_s=30)
    for n in range(60):
        s.at(n * 60)
        s.register(phone, expires=60, granted=60)
        s.at(n * 60 + (45 if n % 2 else 20))
        s.call(phone, talk_s=1, media="none")
    pictures = analyse_illustrated(s.write(tmp_path / "long.pcap")).pictures
    assert 0 < len(pictures.steps) <= CAPS.steps
    assert len(pictures.messages) <= CAPS.messages
    assert pictures.steps_left_out > 0
    begins = [step.at_s for step in pictures.steps]
    assert begins == sorted(begins)


def test_an_empty_capture_has_no_pictures(tmp_path: Path) -> None:
    pictures = analyse_illustrated(Scenario().write(tmp_path / "empty.pcap")).pictures
    assert pictures == Pictures()
