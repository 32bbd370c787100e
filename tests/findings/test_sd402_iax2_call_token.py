"""SD402 fires on a token that comes back from elsewhere; every registration has the exchange."""

from __future__ import annotations

from sipdiag.crafting.iax2 import IE, Iax, build
from sipdiag.crafting.scenario import IaxPeer, Scenario
from sipdiag.findings import Confidence, Severity
from sipdiag.protocols.iax2 import Value
from tests.told import accused, the, verdict_on


def test_fires_where_the_port_changed_between_token_and_request(s: Scenario, box: IaxPeer) -> None:
    s.register(box, token_from="203.0.113.7:31007")
    verdict = verdict_on(s)
    assert accused(verdict) == ["iax2-call-token"]
    found = the(verdict, "iax2-call-token")
    assert found.confidence is Confidence.HIGH
    assert found.params["asked_from"] == "203.0.113.7:4569"
    assert found.params["came_from"] == "203.0.113.7:31007"


def test_the_unanswered_registration_points_to_it(s: Scenario, box: IaxPeer) -> None:
    s.register(box, token_from="203.0.113.7:31007")
    verdict = verdict_on(s)
    symptom = the(verdict, "registration-unanswered")
    assert symptom.severity is Severity.INFO
    assert symptom.caused_by is verdict.root


def test_fires_where_two_ways_out_take_turns(s: Scenario, box: IaxPeer) -> None:
    for number in range(3):
        s.at(number * 60)
        s.register(box, token_from="198.51.100.9:4569")
    found = the(verdict_on(s), "iax2-call-token")
    assert found.params["failed_count"] == 3


def test_undetermined_where_the_token_came_from_the_right_place(s: Scenario, box: IaxPeer) -> None:
    s.register(box, token_from="203.0.113.7:4569")
    verdict = verdict_on(s)
    assert "iax2-call-token" not in accused(verdict)
    assert "iax2-call-token" in [item.name for item in verdict.undetermined]


def test_silent_on_the_ordinary_exchange(s: Scenario, box: IaxPeer) -> None:
    s.keep_registered(box, until=200, every=50)
    s.at(20)
    s.call(box, answered=True, talk_s=1)
    s.at(70)
    s.call_from(box, talk_s=1)
    assert verdict_on(s).findings == []


def test_silent_on_peers_without_tokens(s: Scenario, box: IaxPeer) -> None:
    s.register(box, calltoken=False)
    s.at(50)
    s.register(box, answered=False, calltoken=False)
    assert "iax2-call-token" not in accused(verdict_on(s))


def test_silent_on_another_port_for_each_registration(s: Scenario, box: IaxPeer) -> None:
    """The token is asked for and given from the same port each time."""
    for number in range(4):
        s.at(number * 50)
        s.rebind(box, f"203.0.113.7:{31000 + number}")
        s.register(box)
    assert accused(verdict_on(s)) == []


SERVER, OUTER, MOVED = "203.0.113.80:4569", "203.0.113.7:4569", "203.0.113.7:31007"


def _refused_story(
    s: Scenario, at_s: float, call: int, second: str, *, token: bool = True, late_s: float = 0.0
) -> None:
    """As Asterisk 22 does it: a token that isn't good gets REGREJ, without a word on why."""
    asked: list[tuple[int, Value]] = [(IE.USERNAME, "branch"), (IE.REFRESH, 60)]
    s.at(at_s)
    if token:
        empty = [*asked, (IE.CALLTOKEN, b"")]
        s.send(OUTER, SERVER, build(Iax.REGREQ, source_call=call, elements=empty))
        answer = [(IE.CALLTOKEN, b"1767265200?abc")]
        s.at(at_s + 0.01)
        s.send(
            SERVER, OUTER,
            build(Iax.CALLTOKEN, source_call=1, dest_call=call, iseqno=1, elements=answer),
        )  # fmt: skip
        asked += [(IE.CALLTOKEN, b"1767265200?abc")]
    s.at(at_s + 0.05 + late_s)
    s.send(second, SERVER, build(Iax.REGREQ, source_call=call, elements=asked))
    s.at(at_s + 0.06 + late_s)
    s.send(SERVER, second, build(Iax.REGREJ, source_call=1, dest_call=call, iseqno=1))


def test_fires_where_asterisk_refuses_the_token(s: Scenario) -> None:
    for number in range(2):
        _refused_story(s, number * 60, 10 + number, MOVED)
    verdict = verdict_on(s)
    assert accused(verdict) == ["iax2-call-token"]
    found = the(verdict, "iax2-call-token")
    assert found.params["kind"] == "moved"
    assert "REGREJ" in found.evidence[0].excerpt
    assert the(verdict, "registration-rejected").caused_by is found


def test_fires_where_the_token_came_too_late(s: Scenario) -> None:
    _refused_story(s, 0, 10, OUTER, late_s=12)
    assert the(verdict_on(s), "iax2-call-token").params["kind"] == "late"


def test_fires_on_a_client_older_than_tokens(s: Scenario) -> None:
    modern = s.iax_peer("modern", inner="192.168.2.5:4569", outer="198.51.100.9:4569")
    s.register(modern)
    for number in range(2):
        _refused_story(s, 10 + number * 60, 10 + number, OUTER, token=False)
    verdict = verdict_on(s)
    assert accused(verdict) == ["iax2-call-token"]
    assert the(verdict, "iax2-call-token").params["kind"] == "unsupported"


def test_silent_on_a_wrong_password(s: Scenario, box: IaxPeer) -> None:
    s.reject(box)
    s.at(60)
    s.reject(box)
    assert accused(verdict_on(s)) == ["registration-rejected"]


def test_silent_on_a_refusal_with_a_good_token(s: Scenario) -> None:
    for number in range(2):
        _refused_story(s, number * 60, 10 + number, OUTER)
    assert accused(verdict_on(s)) == ["registration-rejected"]
