"""Draws the live table: a head, a row a peer, what is known of the selected one, alerts, keys.

Contract: ``draw`` gives ``height`` lines of ``width`` cells, with a terminal's codes if ``colour``;
the only module of ``live`` that imports rich. All wire text passes ``safe.plain`` and is never
taken for markup. Nothing is told by colour alone. ``draw`` changes nothing in the view but a
``scroll`` that overshoots.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from functools import cache

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.screen import Screen
from rich.table import Table
from rich.text import Text

from sipdiag.base.interval import Interval, seconds
from sipdiag.findings import Severity, rules
from sipdiag.live.bar import Phase, age_text, bar, phase, told
from sipdiag.live.model import Alert, PeerRow, PeerState, Snapshot
from sipdiag.live.plain import clock
from sipdiag.live.view import WORST_FIRST, Page, View, age_s
from sipdiag.report import ladder
from sipdiag.report.safe import plain

_STATE_STYLES = {
    PeerState.REACHABLE: "green",
    PeerState.AT_RISK: "yellow",
    PeerState.DARK: "bold red",
    PeerState.SILENT: "red",
    PeerState.LAPSED: "yellow",
    PeerState.UNKNOWN: "dim",
}
_PHASE_STYLES = {Phase.ALIVE: "green", Phase.OPEN: "yellow", Phase.DEAD: "bold red"}
_SEVERITY_STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "cyan",
}
_LONGEST_NAME = 200
"""Characters of a name; no screen shows more."""
_ALERT_LINES = 2
"""Lines of one alert below the table; its own page shows all of it."""
_ALERTS_LEAST = 4
"""Lines kept for alerts, however many peers there are."""

_WIDTHS = {
    "": 5, "user": 7, "from": 21, "writes": 0, "refresh s": 9, "age": 4, "NAT lifetime": 12,
    "rtt ms": 0, "state": 9, "found": 6,
}  # fmt: skip
"""Cells of each column, in order, at 80 columns; 0 = left out."""
_WIDER = (
    ("rtt ms", 6), ("writes", 21), ("user", 5), ("found", 6), ("NAT lifetime", 18), ("from", 26),
)  # fmt: skip
"""Cells added where there is room, the most wanted first; the last two take what is left."""


def draw(view: View, width: int, height: int, *, colour: bool = False) -> str:
    """The whole screen as text, lines joined by newlines. ``colour`` gives way to ``NO_COLOR``."""
    out = io.StringIO()
    canvas = Console(
        file=out, width=width, height=max(1, height - 1), force_terminal=colour,
        markup=False, emoji=False, highlight=False, legacy_windows=False,
    )  # fmt: skip
    page = {Page.PEERS: _peers_page, Page.LADDER: _ladder_page, Page.ALERTS: _alerts_page}
    canvas.print(Screen(Group(*page[view.page](view, canvas, canvas.height))))
    out.write("\n")
    keys = _keys(view)
    keys.truncate(width, pad=True)
    canvas.print(keys, end="")
    return out.getvalue()


# ---- the peers' page ---------------------------------------------------------------------------


def _peers_page(view: View, canvas: Console, height: int) -> list[RenderableType]:
    width = canvas.width
    snapshot = view.snapshot
    if snapshot is None:
        return [Text("sipdiag live: starting")]
    rows = view.rows()
    place = view.place(rows)
    detail = _detail(rows[place]) if rows and height >= 16 else []
    below: list[RenderableType] = [_cut(line, width) for line in detail]
    if below:
        below.insert(0, _rule("selected"))
    alerts_least = _ALERTS_LEAST + 1 if height >= 12 else 0
    room = max(1, height - 3 - len(below) - alerts_least)
    parts: list[RenderableType] = [*_head(snapshot, canvas)]
    if rows:
        first, shown = _window(len(rows), place, room)
        parts.append(_table(rows[first : first + shown], rows[place], snapshot.now_ns, width))
        used = 1 + shown
        if shown < len(rows):
            more = f"  {first} more above, {len(rows) - first - shown} more below"
            parts.append(Text(more, style="dim"))
            used += 1
    else:
        parts.append(Text(_why_empty(view, snapshot)))
        used = 1
    parts.extend(below)
    left = height - 2 - used - len(below) - 1
    if left > 0:
        parts.append(_rule(f"alerts: {view.alert_count}"))
        parts.extend(_latest(view, canvas, left))
    return parts


def _window(count: int, place: int, room: int) -> tuple[int, int]:
    """(first row shown, how many): the selected one in the middle where not all fit; a line is
    kept to say how many are left out."""
    if count <= room:
        return 0, count
    shown = max(1, room - 1)
    return min(max(0, place - shown // 2), count - shown), shown


def _head(snapshot: Snapshot, canvas: Console) -> list[Text]:
    up_s = int(seconds(snapshot.now_ns - snapshot.started_ns))
    time = f"{clock(snapshot.now_ns)[11:19]} UTC  up {up_s // 3600}:{up_s // 60 % 60:02}:" + (
        f"{up_s % 60:02}"
    )
    names = Text.assemble(("sipdiag live", "bold"), "  ")
    names.append(", ".join(plain(name, longest=_LONGEST_NAME) for name in snapshot.sources))
    names.truncate(max(0, canvas.width - len(time) - 2), overflow="ellipsis", pad=True)
    return [_cut(names.append(f"  {time}"), canvas.width), _cut(_counts(snapshot), canvas.width)]


def _counts(snapshot: Snapshot) -> Text:
    """What matters most first, as the end may be cut."""
    counters = snapshot.counters
    states = Counter(row.state for row in snapshot.peers)
    line = Text("1 peer" if len(snapshot.peers) == 1 else f"{len(snapshot.peers)} peers")
    for state in WORST_FIRST:
        if states[state] and state is not PeerState.REACHABLE:
            line.append(f", {states[state]} ")
            line.append(state.value, style=_STATE_STYLES[state])
    lost = counters.dropped_by_kernel + counters.dropped_by_limits
    line.append("  ").append(f"{lost} dropped", style="bold red" if lost else "")
    line.append(f"  {counters.sip_messages} SIP, {counters.iax2_frames} IAX2")
    if counters.scanners:
        line.append(f"  scanners: {counters.scanners} ({counters.scanner_packets} packets)")
    return line.append(f"  {counters.packets} packets")


def _why_empty(view: View, snapshot: Snapshot) -> str:
    if snapshot.peers:
        return f"No peer matches the filter; there are {len(snapshot.peers)}."
    return "No peers yet: nobody was heard speaking SIP or IAX2."


def _table(rows: Sequence[PeerRow], chosen: PeerRow, now_ns: int, width: int) -> Table:
    widths = _widths(width)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", width=width)
    for name, cells in widths.items():
        table.add_column(name, width=cells, no_wrap=True, overflow="ellipsis")
    for row in rows:
        cells_of = _cells(row, now_ns, widths, chosen=row is chosen)
        table.add_row(*(cells_of[name] for name in widths))
    return table


def _widths(width: int) -> dict[str, int]:
    """Cells of each column that is shown."""
    widths = dict(_WIDTHS)
    free = width - sum(cells + 1 for cells in widths.values() if cells) + 1
    for name, wanted in _WIDER:
        gap = 0 if widths[name] else 1
        if free >= wanted + gap or (free > 0 and not gap):
            more = min(wanted, free - gap)
            widths[name] += more
            free -= more + gap
    return {name: cells for name, cells in widths.items() if cells}


def _cells(
    row: PeerRow, now_ns: int, widths: dict[str, int], *, chosen: bool
) -> dict[str, RenderableType]:
    age = age_s(row, now_ns)
    known = phase(age, row.lifetime) if age is not None else None
    codes = list(row.findings)
    shown = " ".join(codes)
    if len(shown) > widths["found"]:
        shown = " ".join(codes[: max(1, widths["found"] // 6)]) + "+"
    return {
        "": Text(f"{'>' if chosen else ' '}{row.protocol}", style="reverse" if chosen else ""),
        "user": Text(plain(row.user, longest=_LONGEST_NAME), style="bold"),
        "from": _address(str(row.outer) if row.outer else "-", widths["from"]),
        "writes": _address(row.written or "-", widths.get("writes", 0)),
        "refresh s": Text(f"{_whole(row.granted_s)}/{_whole(row.observed_s)}"),
        "age": Text(age_text(age), style=_PHASE_STYLES[known] if known else "", justify="right"),
        "NAT lifetime": _bar(age, row.lifetime, widths["NAT lifetime"]),
        "rtt ms": Text(_rtt(row.rtt_ms), justify="right"),
        "state": Text(row.state.value, style=_STATE_STYLES[row.state]),
        "found": Text(shown, style="red" if codes else ""),
    }


def _bar(age: float | None, lifetime: Interval, width: int) -> Text:
    text = Text()
    for char in bar(age, lifetime, width):
        text.append(char, {"|": "bold", ".": "dim"}.get(char) or _PHASE_STYLES[Phase(char)])
    return text


def _address(text: str, width: int) -> Text:
    """Cut in the middle, so that the port stays."""
    shown = plain(text, longest=_LONGEST_NAME)
    if 0 < width < len(shown):
        tail = min(7, width // 2)
        shown = f"{shown[: width - tail - 1]}…{shown[-tail:]}"
    return Text(shown)


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _rtt(value_ms: float | None) -> str:
    if value_ms is None or value_ms >= 10:
        return _whole(value_ms)
    return f"{value_ms:.1f}" if value_ms >= 0.1 else "<0.1"


def _detail(row: PeerRow) -> list[Text]:
    """What is known of a peer in whole."""
    outer = str(row.outer) if row.outer is not None else "an unknown address"
    who = f"{row.protocol} {plain(row.user, longest=_LONGEST_NAME)} from {outer}"
    if row.written is not None:
        who += f", writes {plain(row.written, longest=_LONGEST_NAME)}"
    times = [f"NAT lifetime {_bounds(row.lifetime)}"]
    if row.granted_s is not None:
        times.append(f"granted {row.granted_s:.0f} s")
    if row.observed_s is not None:
        times.append(f"refreshes every {row.observed_s:.1f} s")
    if row.rtt_ms is not None:
        times.append(f"rtt {_rtt(row.rtt_ms)} ms")
    found = ", ".join(f"{code} {_names().get(code, '')}".strip() for code in row.findings)
    return [Text(who), Text(", ".join(times)), Text(found or "no finding")]


def _bounds(lifetime: Interval) -> str:
    lower_s, upper_s = lifetime
    if not told(lifetime):
        return "not yet observed"
    if not lifetime.consistent:
        return "in doubt: observations contradict each other"
    if lower_s is not None and upper_s is not None:
        return f"{lower_s:.1f} to {upper_s:.1f} s"
    if lower_s is not None:
        return f"at least {lower_s:.1f} s"
    return f"less than {upper_s:.1f} s"


@cache
def _names() -> dict[str, str]:
    return {rule.code: rule.name for rule in rules()}


# ---- alerts and the ladder ---------------------------------------------------------------------


def _latest(view: View, canvas: Console, room: int) -> list[Text]:
    """The newest first, each on a few lines."""
    lines: list[Text] = []
    for event in reversed(view.events):
        if len(lines) >= room:
            break
        wrapped = list(_event(event).wrap(canvas, canvas.width))
        if len(wrapped) > _ALERT_LINES:
            rest = Text("").join(wrapped[_ALERT_LINES - 1 :])
            wrapped = [*wrapped[: _ALERT_LINES - 1], _cut(rest, canvas.width)]
        lines += wrapped
    return lines[:room] or [Text("none so far", style="dim")]


def _event(event: Alert | str) -> Text:
    if isinstance(event, str):
        return Text(f"notice: {plain(event)}", style="dim")
    finding = event.finding
    text = Text(f"{clock(event.at_ns)[11:19]} ")
    text.append(finding.severity.word, style=_SEVERITY_STYLES[finding.severity])
    text.append(f"{', escalated' if event.escalated else ''} {finding.code} ")
    text.append(f"{plain(finding.subject.ident, longest=_LONGEST_NAME)}: ")
    text.append(plain(finding.message))
    if event.frozen is not None:
        text.append(f" Capture: {plain(event.frozen)}")
    return text


def _alerts_page(view: View, canvas: Console, height: int) -> list[RenderableType]:
    lines = [line for event in view.events for line in _event(event).wrap(canvas, canvas.width)]
    return [_rule(f"alerts: {view.alert_count}"), *_tail(view, lines, height - 1)]


def _ladder_page(view: View, canvas: Console, height: int) -> list[RenderableType]:
    width = canvas.width
    packets = view.ladder
    row = next((r for r in view.rows() if r.key == view.ladder_key), None)
    title = f"ladder of {plain(row.user, longest=width // 2) if row is not None else 'a peer'}"
    if view.ladder_asked:
        lines = [Text("reading")]
    elif not packets:
        lines = [Text("Nothing is held of this peer's messages.")]
    else:
        lines = []
        for session in sorted(ladder.sessions(packets), key=lambda s: s[-1].ts_ns):
            lines += [Text(line) for line in ladder.render(session, packets[0].ts_ns, width)]
            lines.append(Text())
        title += f", from {clock(packets[0].ts_ns)[11:19]} UTC on, the newest at the end"
    return [
        _rule(title),
        *(_cut(line, width) for line in _tail(view, lines, height - 1)),
    ]


def _tail(view: View, lines: list[Text], room: int) -> list[Text]:
    """The lines that are seen, ``scroll`` back from the end."""
    view.scroll = min(view.scroll, max(0, len(lines) - room))
    end = len(lines) - view.scroll
    return lines[max(0, end - room) : end]


# ---- small parts -------------------------------------------------------------------------------


def _rule(title: str) -> Rule:
    return Rule(Text(title), align="left", characters="-", style="dim")


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    text.no_wrap = True
    return text


def _keys(view: View) -> Text:
    if view.quitting:
        return Text("ending: the report follows", "reverse")
    if view.typing:
        return Text(f"filter: {plain(view.filter)}_   Enter: keep it   Esc: clear it", "reverse")
    if view.page is not Page.PEERS:
        paused = "PAUSED" if view.paused else "pause"
        return Text(f"q back   up, down scroll   p {paused}", "reverse")
    sort = f"{view.sort.value}{' reversed' if view.reverse else ''}"
    keys = [
        "q quit",
        f"s sort: {sort}",
        "r reverse",
        f"/ filter: {plain(view.filter)}" if view.filter else "/ filter",
        "p PAUSED" if view.paused else "p pause",
        "Enter ladder",
        "a alerts",
    ]
    return Text("  ".join(keys), "reverse")
