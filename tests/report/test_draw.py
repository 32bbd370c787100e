"""The drawings: what is in them, where, and that they stand alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sipdiag.base.interval import Interval
from sipdiag.findings.reach import Fate
from sipdiag.findings.reachable import State
from sipdiag.pipeline import compare_illustrated
from sipdiag.report.draw import Scheme, ladder, media, strip, timeline
from sipdiag.report.draw.axis import Scale, marks, time_step_s, time_word, value_mark, value_step
from sipdiag.report.draw.signs import STATES, WORDS, mark
from sipdiag.report.draw.svg import DARK, LIGHT, Svg, escape, number, shorten
from sipdiag.report.picture import Ladder, Lane, Pictures, Rung, Timeline

CASE = Path(__file__).parents[2] / "captures" / "sip-binding-30s"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return compare_illustrated(CASE / "good.pcap", CASE / "bad.pcap").pictures


@pytest.fixture(scope="module")
def bad(pictures: Pictures) -> Timeline:
    return pictures.timelines[0]


def _root(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def _texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in _root(svg).iter(f"{SVG}text")]


def _classes(svg: str) -> list[str]:
    return [name for e in _root(svg).iter() for name in e.get("class", "").split()]


# ---- the timeline ------------------------------------------------------------------------------


def test_the_cause_can_be_read_from_its_words(bad: Timeline) -> None:
    words = " ".join(_texts(timeline(bad)))
    for said in (
        "BAD: SIP/101 in bad.pcap", "its NAT closes after 29.7 to 33.0 s of silence",
        "the phone sends REGISTER", "INVITE 29.7 s", "INVITE 33.0 s, lost", "INVITE 45.0 s, lost",
        "lifetime: 29.7 to 33.0 s", "proposed: a packet every 25 s", "closed",
        "request got through", "lost: the binding was too old", "NAT open", "NAT closed",
    ):  # fmt: skip
        assert said in words, said


def test_every_attempt_and_refresh_is_drawn(bad: Timeline) -> None:
    classes = _classes(timeline(bad))
    lost = sum(a.fate is Fate.EXPIRED for a in bad.attempts)
    assert classes.count("sd-cross") == lost + 1  # one in the legend
    titles = [t.text or "" for t in _root(timeline(bad)).iter(f"{SVG}title")]
    assert sum("REGISTER at" in title for title in titles) == len(bad.refreshes) == 6
    assert sum("binding" in title and "frame" in title for title in titles) == len(bad.attempts)


def _marks(svg: str) -> list[tuple[str, float, float]]:
    """(fate's words, x, y) of each attempt."""
    found = []
    for group in _root(svg).iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        circle = group.find(f"{SVG}circle")
        if title is None or circle is None or title.text is None:
            continue
        found.append((title.text, float(circle.get("cx", "")), float(circle.get("cy", ""))))
    return found


def test_an_older_binding_is_higher_and_a_later_request_further_right(bad: Timeline) -> None:
    through = [m for m in _marks(timeline(bad)) if "got through" in m[0]]
    assert [x for _, x, _ in sorted(through, key=lambda m: m[1])] == [x for _, x, _ in sorted(
        through, key=lambda m: float(re.search(r"at ([\d.]+) s", m[0])[1])  # type: ignore[index]
    )]  # fmt: skip
    ages = [float(re.search(r"binding ([\d.]+) s", m[0])[1]) for m in through]  # type: ignore[index]
    order = sorted(range(len(through)), key=lambda n: ages[n])
    heights = [through[n][2] for n in order]
    assert heights == sorted(heights, reverse=True)


def test_what_got_through_is_below_the_band_and_what_was_lost_above(bad: Timeline) -> None:
    svg = timeline(bad)
    lines = [e for e in _root(svg).iter(f"{SVG}line") if "sd-maybe-line" in e.get("class", "")]
    lower, upper = sorted((float(e.get("y1", "")) for e in lines), reverse=True)
    assert all(y >= lower - 0.1 for title, _, y in _marks(svg) if "got through" in title)
    crosses = [e.get("d", "") for e in _root(svg).iter(f"{SVG}path")
               if e.get("class") == "sd-cross"][:-1]  # fmt: skip
    middles = [float(re.match(r"M[\d.]+ ([\d.]+)", d)[1]) + 6 for d in crosses]  # type: ignore[index]
    assert middles and all(y <= upper + 0.1 for y in middles)
    (proposed,) = [e for e in _root(svg).iter(f"{SVG}line")
                   if e.get("class") == "sd-idea-line"]  # fmt: skip
    assert float(proposed.get("y1", "")) > lower


@pytest.mark.parametrize("width", [360, 640, 960])
def test_nothing_leaves_the_drawing(bad: Timeline, width: float) -> None:
    root = _root(timeline(bad, width=width))
    height = float(root.get("height", ""))
    for e in root.iter(f"{SVG}rect"):
        assert float(e.get("x", "0")) + float(e.get("width", "")) <= width + 0.2
    for e in root.iter(f"{SVG}text"):
        assert 0 <= float(e.get("x", "")) <= width and 0 <= float(e.get("y", "")) <= height


def test_fates_are_told_apart_by_shape() -> None:
    drawn = {re.sub(r'class="[^"]*"', "", mark(fate, 9, 9)) for fate in Fate}
    assert len(drawn) == len(Fate) - 2  # ASTRAY and MOVED, DEAF and IGNORED share one
    assert set(WORDS) == set(Fate) and set(STATES) == set(State)
    assert len(set(WORDS.values())) == len(Fate)


def test_an_attempt_whose_age_is_not_known_claims_none(bad: Timeline) -> None:
    astray = tuple(replace(a, fate=Fate.ASTRAY, age_s=None) for a in bad.attempts)
    svg = timeline(replace(bad, attempts=astray))
    told = [t.text or "" for t in _root(svg).iter(f"{SVG}title")]
    assert not any("s old" in title for title in told)
    assert any("INVITE, lost" in text for text in _texts(svg))


def test_a_lifetime_of_nothing_is_not_claimed(bad: Timeline) -> None:
    svg = timeline(replace(bad, lifetime=Interval(0.02, None), proposed_s=None))
    assert "how long its NAT binding lives wasn't seen" in _texts(svg)
    assert not any("survived" in text for text in _texts(svg))


@pytest.mark.parametrize(
    ("name", "value"),
    [("attempts", ()), ("heard", ()), ("refreshes", ()), ("spans", ()), ("end_s", 0.0)],
)
def test_what_lacks_is_left_out(bad: Timeline, name: str, value: object) -> None:
    assert _root(timeline(replace(bad, **{name: value}))).tag == f"{SVG}svg"  # type: ignore[arg-type]


def test_a_part_of_a_long_capture_says_so(bad: Timeline) -> None:
    svg = timeline(replace(bad, whole_s=9000.0, attempts_left_out=3))
    assert any("of 9000 s are drawn; 3 requests" in text for text in _texts(svg))


# ---- standing alone, and in a page -------------------------------------------------------------


def test_a_drawing_that_stands_alone_follows_the_readers_colours(bad: Timeline) -> None:
    svg = timeline(bad)
    assert "prefers-color-scheme:dark" in svg and LIGHT["bad"] in svg and DARK["bad"] in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_a_fixed_scheme_needs_no_conditions_and_no_variables(bad: Timeline) -> None:
    for scheme, ours, other in ((Scheme.LIGHT, LIGHT, DARK), (Scheme.DARK, DARK, LIGHT)):
        svg = timeline(bad, scheme=scheme)
        assert "var(" not in svg and "@media" not in svg
        assert ours["bad"] in svg and other["bad"] not in svg


def test_in_a_page_it_brings_no_styles(bad: Timeline) -> None:
    svg = timeline(bad, scheme=Scheme.PAGE, ident="t7")
    assert "<style" not in svg and "style=" not in svg and "#" not in re.sub(r"url\(#|&#", "", svg)
    idents = re.findall(r' id="([^"]*)"', svg)
    assert idents and all(ident.startswith("t7-") for ident in idents)


def test_it_is_described_for_who_cannot_see_it(bad: Timeline) -> None:
    root = _root(timeline(bad))
    assert root.get("role") == "img"
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None and desc is not None and desc.text is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert "2 lost: the binding was too old (binding 33.0 s, 45.0 s old)" in desc.text


def test_inks_can_be_read_on_paper() -> None:
    """WCAG 2.1, 1.4.3: 4.5 to 1."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for scheme in (LIGHT, DARK):
        for ink in ("ink", "dim", "ok", "maybe", "bad", "idea"):
            for paper in ("paper", f"{ink}-wash"):
                if paper in scheme:
                    dark, bright = sorted((light(scheme[ink]), light(scheme[paper])))
                    assert (bright + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def test_patterns_are_defined_where_they_are_used(bad: Timeline) -> None:
    svg = timeline(bad, ident="x1")
    used = set(re.findall(r"url\(#([^)]*)\)", svg))
    assert used and used == set(re.findall(r'<pattern id="([^"]*)"', svg))


# ---- ladders -----------------------------------------------------------------------------------

ONE, OTHER = "203.0.113.7:5060", "203.0.113.80:5060"
LANES = (Lane(ONE, "phone"), Lane(OTHER, "Asterisk"))


def _ladder(*rungs: Rung | None, parts_at: int | None = None, left_out: int = 0) -> Ladder:
    return Ladder("call", LANES, rungs, parts_at=parts_at, left_out=left_out)


INVITE = Rung(1.0, OTHER, ONE, "INVITE", "bad.pcap frame 494", 7, 13.6, "m4", False, True)
RINGING = Rung(1.2, ONE, OTHER, "180 Ringing", "bad.pcap frame 495", message="m5", changed=True)


def test_a_rung_says_what_when_and_where() -> None:
    texts = _texts(ladder(_ladder(INVITE, RINGING)))
    assert texts[:4] == ["phone", ONE, "Asterisk", OTHER]
    assert {"INVITE ×7 in 12.6 s", "1.000", "#494", "180 Ringing ≠", "1.200", "#495"} <= set(texts)


def test_what_got_no_reply_is_broken_off() -> None:
    svg = ladder(_ladder(INVITE))
    assert "stroke-dasharray" in svg and "sd-bad-line" in _classes(svg)
    assert "stroke-dasharray" not in ladder(_ladder(RINGING))


def test_a_free_row_keeps_the_others_in_line() -> None:
    two, gap = ladder(_ladder(INVITE, RINGING)), ladder(_ladder(None, RINGING))
    assert _root(two).get("height") == _root(gap).get("height")
    assert "nothing here" in _texts(gap)
    places = [[e.get("y") for e in _root(svg).iter(f"{SVG}text") if e.text == "180 Ringing ≠"]
              for svg in (two, gap)]  # fmt: skip
    assert places[0] == places[1]


def test_the_row_at_which_they_part_is_marked() -> None:
    assert "sd-bad-wash" not in _classes(ladder(_ladder(INVITE, RINGING)))
    (wash,) = [e for e in _root(ladder(_ladder(INVITE, RINGING, parts_at=1))).iter(f"{SVG}rect")
               if e.get("class") == "sd-bad-wash"]  # fmt: skip
    assert float(wash.get("y", "")) > 70


def test_links_lead_to_the_message_and_have_names() -> None:
    root = _root(ladder(_ladder(INVITE, replace(RINGING, message="")), links=True))
    (link,) = list(root.iter(f"{SVG}a"))
    assert link.get("href") == "#m4"
    assert "INVITE" in link.get("aria-label", "") and "no reply" in link.get("aria-label", "")
    assert root.get("role") == "group"
    assert not list(_root(ladder(_ladder(INVITE))).iter(f"{SVG}a"))


def test_many_lanes_and_odd_ends_are_drawn() -> None:
    lanes = tuple(Lane(f"[2001:db8::{n}]:5060") for n in range(6))
    rungs = tuple(
        Rung(n, a.endpoint, b.endpoint, "INVITE", "x frame 1")
        for n, (a, b) in enumerate(zip(lanes, reversed(lanes), strict=True))
    )
    itself = Rung(9, lanes[0].endpoint, lanes[0].endpoint, "OPTIONS", "")
    stray = Rung(9, "nowhere:1", "elsewhere:2", "OPTIONS", "")
    svg = ladder(Ladder("", lanes, (*rungs, itself, stray)), width=700)
    assert _texts(svg).count("INVITE") == 6 and _texts(svg).count("OPTIONS") == 2


def test_what_is_left_out_is_counted() -> None:
    assert "and 12 more messages" in _texts(ladder(_ladder(RINGING, left_out=12)))
    assert ladder(Ladder("nothing", (), ()))


# ---- strips and media --------------------------------------------------------------------------


def test_a_strip_covers_its_spans(pictures: Pictures) -> None:
    picture = pictures.strips[0]
    svg = strip(picture, width=700)
    rects = [e for e in _root(svg).iter(f"{SVG}rect") if e.get("class") in
             {f"sd-{colour}" for colour, _ in STATES.values()}]  # fmt: skip
    seen = [span for span in picture.spans if span.end_s - span.begin_s > 1]
    assert len(rects) == len(seen) - 1  # two that are parted by a millisecond are one
    assert _root(strip(picture, scheme=Scheme.PAGE)).get("preserveAspectRatio") == "none"
    dead = sum(float(e.get("width", "")) for e in rects if e.get("class") == "sd-bad")
    assert dead / 700 == pytest.approx(picture.share.dead, abs=0.01)
    assert "closed 21%" in svg


def test_media_has_a_track_a_direction(pictures: Pictures) -> None:
    picture = pictures.media[0]
    svg = media(picture)
    for track in picture.tracks:
        assert f"{track.name}: {track.packets} packets" in _texts(svg)
    areas = list(_root(svg).iter(f"{SVG}path"))
    assert len(areas) == len(picture.tracks) and all(e.get("d") for e in areas)
    highest = max(max(track.rates) for track in picture.tracks)
    marked = {float(text[:-2]) for text in _texts(svg) if text.endswith("/s")}
    assert len(marked) == 1 and marked.pop() <= highest


# ---- the small parts ---------------------------------------------------------------------------


def test_scales_hold_what_is_beyond_them() -> None:
    scale = Scale(0, 10, 100, 0)
    assert [scale(v) for v in (-5, 0, 5, 10, 50)] == [100, 100, 50, 0, 0]
    assert Scale(3, 3, 0, 9)(3) == 0


@pytest.mark.parametrize("span", [0.0, 0.01, 1, 7, 59, 277, 3600, 86400, 1e7])
def test_axes_have_a_handful_of_round_marks(span: float) -> None:
    step = time_step_s(span, 8)
    assert step > 0 and len(marks(0, span, step)) <= 9
    assert len({time_word(v, span) for v in marks(0, span, step)}) == len(marks(0, span, step))
    assert value_step(span, 5) > 0
    assert 0 < value_mark(span) <= (span or 1)


def test_wire_text_is_escaped_and_what_xml_forbids_is_shown() -> None:
    assert escape("<a>&\"'\x1b\ufffe\u202e") == "&lt;a&gt;&amp;&quot;&#x27;\\x1b\\ufffe\\u202e"
    svg = Svg("x")
    svg.text(0, 0, "\uffff]]>\x00")
    svg.rect(0, 0, 1, 1, "sd-ok", title="</title><script>")
    _root(svg.document(9, 9, "<t>", "\ufffe", Scheme.AUTO))


def test_numbers_and_long_words_are_short() -> None:
    assert (number(3.04), number(3.06), number(-0.2)) == ("3", "3.1", "-0.2")
    assert shorten("a" * 500, 120).endswith("…") and shorten("short", 500) == "short"
