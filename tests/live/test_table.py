"""The table as it is drawn, at 80 and at 120 columns, compared by what it says."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import Interval
from sipdiag.live.keys import Key, Press
from sipdiag.live.model import Counters, PeerRow, PeerState
from sipdiag.live.table import draw
from sipdiag.live.view import View
from tests.live.made import HOSTILE, expired, moment, packets, peer

SIZES = [(80, 24), (120, 40)]


def _view(
    *peers: PeerRow, presses: tuple[Press, ...] = (), counters: Counters | None = None
) -> View:
    view = View()
    view.take(moment(*peers, counters=counters), lambda _: None)
    for press in presses:
        view.press(press)
    return view


def _lines(view: View, width: int = 80, height: int = 24) -> list[str]:
    return draw(view, width, height).split("\n")


def _line_of(lines: list[str], word: str) -> str:
    (line,) = [line for line in lines if word in line]
    return line


@pytest.mark.parametrize(
    ("width", "height"), [*SIZES, (100, 30), (60, 12), (20, 5), (1, 1), (400, 9)]
)
@pytest.mark.parametrize("count", [0, 1, 200])
def test_it_fills_the_screen_exactly(width: int, height: int, count: int) -> None:
    peers = [peer(str(n), findings=("SD501", "SD103", "SD604")) for n in range(count)]
    view = _view(*peers)
    view.told(expired("Long. " * 100))
    lines = _lines(view, width, height)
    assert len(lines) == max(height, 2)
    assert {cell_len(line) for line in lines} == {width}


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_row_says_what_is_known_of_a_peer(width: int, height: int) -> None:
    row = peer(state=PeerState.AT_RISK, age_s=31.0, findings=("SD501", "SD103"))
    lines = _lines(_view(row), width, height)
    line = _line_of(lines, ">SIP")
    for word in ("SIP", "101", "203.0.113.7:45060", "60/58", "31s", "??", "||", "SD501"):
        assert word in line
    if width == 120:
        assert "192.168.1.50:5060" in line and " 41 " in line and "SD501 SD103" in line
    else:
        assert "SD501+" in line
    whole = " ".join(lines)
    for word in (
        "writes 192.168.1.50:5060", "NAT lifetime 29.7 to 33.0 s", "granted 60 s",
        "refreshes every 58.0 s", "SD501 nat-binding-expired, SD103 refresh-slower-than-binding",
    ):  # fmt: skip
        assert word in whole


@pytest.mark.parametrize(("age_s", "char"), [(12.0, "="), (31.0, "?"), (40.0, "!")])
def test_the_bar_can_be_read_without_colour(age_s: float, char: str) -> None:
    line = _line_of(_lines(_view(peer(age_s=age_s))), "203.0.113.7:45060 ")
    bar = re.search(r"[=?!.|]{12}", line)
    assert bar is not None and set(bar[0]) - {".", "|"} == {char}


@pytest.mark.parametrize(
    ("lifetime", "words"),
    [
        (Interval(), "not yet observed"),
        (Interval(20.0, None), "at least 20.0 s"),
        (Interval(None, 33.0), "less than 33.0 s"),
        (Interval(40.0, 33.0), "contradict"),
    ],
)
def test_a_lifetime_is_never_more_than_was_seen(lifetime: Interval, words: str) -> None:
    assert words in _line_of(_lines(_view(peer(lifetime=lifetime))), "granted 60 s")


@pytest.mark.parametrize("state", PeerState)
def test_every_state_is_a_word(state: PeerState) -> None:
    lines = _lines(_view(peer(state=state)))
    assert state.value in _line_of(lines, "60/58")


@pytest.mark.parametrize(
    ("rtt_ms", "shown"), [(0.02, " <0.1 ms"), (0.43, " 0.4 ms"), (9.6, " 9.6 ms"), (41.6, " 42 ms")]
)
def test_a_short_round_trip_is_not_rounded_away(rtt_ms: float, shown: str) -> None:
    assert f"rtt{shown}" in " ".join(_lines(_view(peer(rtt_ms=rtt_ms)), 120, 40))


def test_what_is_not_known_is_a_dash() -> None:
    unknown = peer(
        "?", age_s=None, lifetime=Interval(), outer=None, written=None, granted_s=None,
        observed_s=None, rtt_ms=None, state=PeerState.UNKNOWN,
    )  # fmt: skip
    line = _line_of(_lines(_view(unknown), 120, 40), ">SIP")
    assert line.split() == [">SIP", "?", "-", "-", "-/-", "-", "-", "unknown"]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_hostile_names_do_nothing_and_cost_their_column_only(width: int, height: int) -> None:
    hostile = peer(HOSTILE * 9, written=HOSTILE * 9, protocol="SIP", key="h")
    view = _view(hostile, peer("102"))
    view.told(expired(HOSTILE * 50, frozen=HOSTILE))
    view.told(HOSTILE)
    lines = _lines(view, width, height)
    assert {cell_len(line) for line in lines} == {width} and len(lines) == height
    assert all(line.isprintable() for line in lines)
    assert "\\x1b[2J[red]" in " ".join(lines)
    assert "203.0.113.7:45060" in _line_of(lines, ">SIP")


def test_wide_characters_keep_the_columns() -> None:
    lines = _lines(_view(peer("電話電話電話電話"), peer("102")))
    assert {cell_len(line) for line in lines} == {80}
    assert len([line for line in lines if "203.0.113.7:45060" in line and "60/58" in line]) == 2


def test_a_long_address_keeps_its_port() -> None:
    row = peer(outer=Endpoint("2001:db8:85a3:1111:2222:8a2e:370:7334", 45060))
    assert ":45060 " in _line_of(_lines(_view(row)), "60/58")
    assert "[2001:db8:85a3:1111:2222:8a2e:370:7334]:45060" in " ".join(_lines(_view(row)))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_long_table_says_how_much_is_left_out_and_scrolls(width: int, height: int) -> None:
    peers = [peer(str(n)) for n in range(100, 200)]
    view = _view(*peers, presses=("s", "s"))
    lines = _lines(view, width, height)
    more = _line_of(lines, " more below")
    shown = sum("60/58" in line for line in lines)
    assert f"0 more above, {100 - shown} more below" in more
    assert shown > height // 3
    view.press(Key.END)
    lines = _lines(view, width, height)
    assert f"{100 - shown} more above, 0 more below" in _line_of(lines, " more below")
    assert "199" in _line_of(lines, ">SIP")


def test_the_head_tells_drops_and_scanners() -> None:
    counters = Counters(
        packets=5000, dropped_by_kernel=3, dropped_by_limits=4, scanners=2, scanner_packets=1022
    )
    rows = [peer("1"), peer("2", state=PeerState.DARK)]
    first, second, *_ = _lines(_view(*rows, counters=counters))
    assert "eth0" in first and "22:13:20 UTC  up 1:02:03" in first
    assert second.startswith("2 peers, 1 dark  7 dropped")
    assert "scanners: 2 (1022 packets)" in second


def test_alerts_the_newest_first_with_notices_between() -> None:
    view = _view(peer())
    view.told(expired("The older one."))
    view.told("sipdiag: --webhook h: HTTP 500")
    view.told(expired("The newer one.", escalated=True, frozen="/tmp/101.pcap"))
    lines = _lines(view)
    begin = next(n for n, line in enumerate(lines) if line.startswith("alerts: 2"))
    newest, notice, oldest = (line.rstrip() for line in lines[begin + 1 : begin + 4])
    assert (
        newest == "22:13:20 error, escalated SD501 SIP/101: The newer one. Capture: /tmp/101.pcap"
    )
    assert notice == "notice: sipdiag: --webhook h: HTTP 500"
    assert oldest == "22:13:20 error SD501 SIP/101: The older one."


def test_the_page_of_alerts_has_all_of_each() -> None:
    view = _view(peer(), presses=("a",))
    view.told(expired("first " + "word " * 60 + "last"))
    text = " ".join(_lines(view))
    assert "first" in text and "last" in text
    for _ in range(50):
        view.told(expired())
    assert "first" not in " ".join(_lines(view))
    view.press(Key.HOME)
    assert "first" in " ".join(_lines(view))
    view.press(Key.DOWN)  # what overshot was put back
    assert "alerts: 51" in _lines(view)[0] and view.scroll > 0


def test_nothing_yet_and_nothing_left_by_the_filter() -> None:
    assert "No peers yet" in " ".join(_lines(_view()))
    assert "starting" in " ".join(_lines(View()))
    view = _view(peer(), presses=("/", *"xyz"))
    text = _lines(view)
    assert "No peer matches the filter" in " ".join(text)
    assert text[-1].startswith("filter: xyz_")


def test_the_ladder_of_a_peer() -> None:
    view = _view(peer(), presses=(Key.ENTER,))
    assert "reading" in " ".join(_lines(view))
    view.take(moment(peer()), lambda _: packets())
    lines = _lines(view)
    assert "ladder of 101" in lines[0]
    assert "203.0.113.80:5060" in _line_of(lines, "203.0.113.7:45060")
    assert "203.0.113.80:5060" not in _line_of(lines, "200 OK (REGISTER)")
    view.take(moment(peer()), lambda _: None)
    assert "Nothing is held" in " ".join(_lines(view))


def test_a_long_ladder_shows_its_end_first() -> None:
    view = _view(peer(), presses=(Key.ENTER,))
    view.take(moment(peer()), lambda _: packets(99))
    assert "REGISTER 98" in " ".join(_lines(view)) and "REGISTER 0 " not in " ".join(_lines(view))
    view.press(Key.HOME)
    assert "REGISTER 0 " in " ".join(_lines(view))


@pytest.mark.parametrize(
    ("presses", "words"),
    [
        ((), ["q quit", "sort: state", "/ filter", "p pause", "Enter ladder"]),
        (("s", "r"), ["sort: age reversed"]),
        (("p",), ["p PAUSED"]),
        (("/", "a", Key.ENTER), ["/ filter: a"]),
        (("a",), ["q back"]),
        (("q",), ["ending"]),
    ],
)
def test_the_last_line_says_which_keys_do_what(
    presses: tuple[Press, ...], words: list[str]
) -> None:
    last = _lines(_view(peer(), presses=presses))[-1]
    assert all(word in last for word in words)


def test_colour_only_adds_to_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    view = _view(peer(state=PeerState.DARK, age_s=40.0, findings=("SD501",)))
    view.told(expired())
    coloured = draw(view, 80, 24, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == draw(view, 80, 24)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", draw(view, 80, 24, colour=True))
