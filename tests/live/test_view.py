"""What the table shows, and what keys do to it."""

from __future__ import annotations

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.flows.subjects import Packet
from sipdiag.live.keys import Key, Press
from sipdiag.live.model import PeerRow, PeerState
from sipdiag.live.view import EVENTS_KEPT, WORST_FIRST, Page, View
from tests.live.made import NOW_NS, expired, moment, packets, peer

PEERS = (
    peer("9", state=PeerState.REACHABLE, age_s=50.0, outer=Endpoint("203.0.113.9", 1)),
    peer("10", state=PeerState.DARK, age_s=None, outer=Endpoint("2001:db8::1", 1)),
    peer("alice", state=PeerState.AT_RISK, age_s=7.0, outer=Endpoint("203.0.113.200", 1)),
    peer("bob", findings=("SD501",), age_s=8.0, outer=None, protocol="IAX2"),
)


def _no_ladder(key: str) -> list[Packet] | None:
    return None


def _view(*presses: Press, peers: tuple[PeerRow, ...] = PEERS) -> View:
    view = View()
    view.take(moment(*peers), _no_ladder)
    for press in presses:
        view.press(press)
    return view


def _users(view: View) -> list[str]:
    return [row.user for row in view.rows()]


def test_every_state_has_its_place_in_the_order() -> None:
    assert sorted(WORST_FIRST) == sorted(PeerState)


@pytest.mark.parametrize(
    ("pressed", "users"),
    [
        (0, ["10", "alice", "9", "bob"]),  # state, the worst first
        (1, ["9", "bob", "alice", "10"]),  # age, the oldest first
        (2, ["9", "10", "alice", "bob"]),  # user, numbers as numbers
        (3, ["9", "alice", "10", "bob"]),  # address, as a number, IPv4 first
        (4, ["bob", "9", "10", "alice"]),  # findings
        (5, ["10", "alice", "9", "bob"]),
    ],
)
def test_sorting(pressed: int, users: list[str]) -> None:
    assert _users(_view(*["s"] * pressed)) == users
    assert _users(_view(*["s"] * pressed, "r")) == users[::-1]


@pytest.mark.parametrize(
    ("typed", "users"),
    [
        ("ALI", ["alice"]),
        ("iax", ["bob"]),
        ("203.0.113.9", ["9"]),
        ("sd501", ["bob"]),
        ("dark", ["10"]),
        ("nobody", []),
    ],
)
def test_a_filter_is_typed_and_taken_back(typed: str, users: list[str]) -> None:
    view = _view("/", *typed)
    assert _users(view) == users
    view.press(Key.ENTER)
    assert _users(view) == users
    view.press(Key.ESCAPE)
    assert len(_users(view)) == len(PEERS)


def test_keys_are_text_while_a_filter_is_typed() -> None:
    view = _view("/", "q", "s", "p", Key.UP, Key.BACKSPACE)
    assert view.filter == "qs" and not view.quitting and not view.paused
    view.press(Key.ESCAPE)
    assert view.filter == "" and not view.typing


def test_a_filter_has_an_end() -> None:
    assert len(_view("/", *"x" * 1000).filter) == 60


def test_paused_it_stands_still_and_then_goes_on() -> None:
    view = _view("p")
    later = moment(peer("new"), after_s=60)
    view.take(later, _no_ladder)
    assert "new" not in _users(view)
    assert view.snapshot is not None and view.snapshot.now_ns == NOW_NS
    view.told(expired())
    assert view.alert_count == 1
    view.press(" ")
    view.take(later, _no_ladder)
    assert _users(view) == ["new"]


def test_the_selection_moves_stays_within_and_goes_with_its_peer() -> None:
    view = _view(Key.DOWN, Key.DOWN)
    assert view.place(view.rows()) == 2 and view.selected == "SIP/9"
    view.press("s")
    assert view.place(view.rows()) == 0 and view.selected == "SIP/9"
    for press, place in ((Key.UP, 0), (Key.END, 3), (Key.DOWN, 3), ("k", 2), (Key.HOME, 0)):
        view.press(press)
        assert view.place(view.rows()) == place


def test_a_selected_peer_that_is_gone_leaves_the_first() -> None:
    view = _view(Key.END)
    view.take(moment(PEERS[0]), _no_ladder)
    assert view.place(view.rows()) == 0
    _view(Key.DOWN, Key.ENTER, peers=())  # nothing to move to, nothing to draw


def test_the_ladder_of_the_selected_peer_comes_with_the_next_snapshot() -> None:
    asked = []

    def ladder_of(key: str) -> list[Packet]:
        asked.append(key)
        return packets()

    view = _view(Key.DOWN, Key.ENTER)
    assert (view.page, view.ladder_asked, asked) == (Page.LADDER, True, [])
    view.take(moment(*PEERS), ladder_of)
    assert asked == ["SIP/alice"] and view.ladder == packets() and not view.ladder_asked
    view.press("q")
    assert view.page is Page.PEERS and not view.quitting
    view.take(moment(*PEERS), ladder_of)
    assert asked == ["SIP/alice"]


def test_paused_a_ladder_is_fetched_once_and_stands() -> None:
    view = _view("p", Key.ENTER)
    view.take(moment(*PEERS), lambda _: packets(2))
    view.take(moment(*PEERS), lambda _: packets(4))
    assert len(view.ladder or []) == 2


def test_pages_scroll_and_are_left() -> None:
    view = _view("a", Key.UP, Key.PAGE_UP)
    assert (view.page, view.scroll) == (Page.ALERTS, 11)
    view.press(Key.END)
    assert view.scroll == 0
    view.press(Key.ESCAPE)
    assert view.page is Page.PEERS


def test_q_quits_from_the_table_only() -> None:
    assert _view("q").quitting
    assert not _view("a", "q").quitting


def test_old_alerts_make_room() -> None:
    view = _view()
    for number in range(EVENTS_KEPT + 5):
        view.told(expired(str(number)))
    assert len(view.events) == EVENTS_KEPT and view.alert_count == EVENTS_KEPT + 5


def test_before_the_first_snapshot_every_key_is_harmless() -> None:
    view = View()
    for press in ("s", "r", "/", "x", Key.ENTER, "p", "l", "a", Key.UP, Key.ESCAPE, Key.DOWN, *Key):
        view.press(press)
    assert view.rows() == []
