"""The page as text: what is in it, that nothing in it acts, and that it stays small."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

import sipdiag
from sipdiag.base.limits import Limits
from sipdiag.crafting.scenario import Scenario
from sipdiag.pipeline import Illustrated, Options, analyse_illustrated, compare_illustrated
from sipdiag.report.html import render
from sipdiag.report.html.view import cut, key_facts, order, others, root_of, sentences, ways_shown
from sipdiag.report.model import FindingInfo, Report, SubjectInfo
from sipdiag.report.picture import Pictures
from tests.report.hostile import HOSTILE, check_shown, hostile_capture, poison, poisoned

CAPTURES = Path(__file__).parents[2] / "captures"
CASE = CAPTURES / "sip-binding-30s"


@pytest.fixture(scope="module")
def told() -> Illustrated:
    return compare_illustrated(CASE / "good.pcap", CASE / "bad.pcap")


@pytest.fixture(scope="module")
def page(told: Illustrated) -> str:
    return render(told.report, told.pictures)


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.inside.setdefault(self._open[-1] if self._open else "", []).append(data)
        if not {"style", "script"} & set(self._open):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


TAGS = frozenset(
    {
        "html", "head", "meta", "link", "title", "style", "body", "a", "header", "div", "span",
        "button", "h1", "h2", "h3", "h4", "p", "strong", "nav", "ul", "li", "main", "section",
        "figure", "figcaption", "details", "summary", "table", "thead", "tbody", "tr", "th",
        "td", "dl", "dt", "dd", "pre", "code", "b", "i", "mark", "br", "footer", "dialog",
        "script", "svg", "desc", "defs", "pattern", "rect", "line", "path", "circle", "text",
        "g",
    }
)  # fmt: skip


def check_html(text: str) -> Page:
    """Only our tags; one style sheet and one script, known to the policy; no handlers; every link
    stays in the page."""
    check_shown(text)
    page = Page(text)
    assert {tag for tag, _ in page.tags} <= TAGS, {tag for tag, _ in page.tags} - TAGS
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on") and name != "style", (tag, name)
            if name in ("href", "src", "action", "srcset", "data", "formaction"):
                assert (value or "").startswith("#") or value == "data:,", (tag, value)
    assert len(page.all("script")) == len(page.all("style")) == 1
    (policy,) = [m["content"] or "" for m in page.all("meta") if "http-equiv" in m]
    for kind in ("script", "style"):
        digest = hashlib.sha256("".join(page.inside[kind]).encode()).digest()
        assert f"{kind}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    return page


def test_it_needs_nothing_but_itself(page: str) -> None:
    check_html(page)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "@import" not in page and "url(http" not in page


def test_it_says_all_that_the_report_does(told: Illustrated, page: str) -> None:
    text = Page(page).text
    report = told.report
    for said in (
        "The NAT binding of 101 expired", "nat-binding-expired", "(SD501), high confidence",
        "29.7 to 33.0 s", "so refresh every 25 s", "refresh-slower-than-binding",
        "Asterisk 16.28.0 (chan_sip)", "bad.pcap frame 494", "the phone registers every 54.0 s",
        "GOOD and BAD part at SIP/101, call to the phone #4", "answered in GOOD, no reply in BAD",
    ):  # fmt: skip
        assert said in text, said
    for item in report.findings[0].evidence:
        assert item.excerpt in text
    assert report.comparison is not None
    for row in report.comparison.differences:
        assert row.what in text and row.bad in text
    for recommendation in report.recommendations:
        assert recommendation.value in text and recommendation.forecast in text


def test_settings_can_be_copied_as_they_are_pasted(page: str) -> None:
    found = Page(page)
    pasted = "".join(found.inside["pre"])
    assert "[101]\nqualify=yes\nqualifyfreq=25   ; seconds" in pasted
    idents = {a["id"] for a in found.all("pre") if "id" in a}
    buttons = [a for a in found.all("button") if a.get("class") == "copy"]
    assert buttons and {a["data-of"] for a in buttons} == idents
    assert all("hidden" in a and a["aria-label"] for a in buttons)


def test_every_message_on_a_ladder_can_be_looked_at_without_a_script(page: str) -> None:
    found = Page(page)
    links = {(a["href"] or "")[1:] for a in found.all("a") if a.get("class") == "sd-link"}
    idents = {a["id"] for _, a in found.tags if "id" in a}
    assert links and links <= idents


def test_every_name_in_the_page_is_there_once(page: str) -> None:
    idents = [a["id"] for _, a in Page(page).tags if "id" in a]
    assert len(idents) == len(set(idents))
    named = {word for _, a in Page(page).tags for word in (a.get("aria-labelledby") or "").split()}
    assert named <= set(idents)


def test_headings_follow_each_other(page: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(page).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)
               if after != 2)  # fmt: skip


def test_messages_that_were_not_kept_leave_no_half_of_a_ladder() -> None:
    case = CAPTURES / "sip-nat-no"
    bad = io.BytesIO((case / "bad.pcap").read_bytes())
    options = Options(limits=Limits(held_bytes=0))
    report, pictures = compare_illustrated(case / "good.pcap", bad, options)
    assert (pictures.steps, pictures.messages) == ([], [])
    assert "settings" in check_html(render(report, pictures)).text.lower()


def test_without_pictures_it_has_words(told: Illustrated) -> None:
    found = check_html(render(told.report))
    assert not found.all("svg")
    assert "qualifyfreq=25" in found.text and "bad.pcap frame 494" in found.text


@pytest.mark.parametrize(
    "case",
    ["sip-nat-no", "sip-router-restart", "iax2-binding-30s", "pjsip-one-way-audio", "sip-cgnat",
     "sip-alg-broken"],
)  # fmt: skip
def test_other_faults_have_a_page(case: str) -> None:
    made = compare_illustrated(CAPTURES / case / "good.pcap", CAPTURES / case / "bad.pcap")
    found = check_html(render(made.report, made.pictures))
    assert (made.report.verdict.finding or "-") in found.text
    assert found.all("svg")


@pytest.mark.parametrize("name", ["good.pcap", "bad.log", "bad.inside.pcap"])
def test_whatever_was_captured_has_a_page(name: str) -> None:
    made = analyse_illustrated(CASE / name)
    check_html(render(made.report, made.pictures))


def test_both_sides_of_a_router_have_a_page() -> None:
    case = CAPTURES / "sip-alg"
    made = analyse_illustrated(case / "bad.pcap", case / "bad.inside.pcap")
    text = check_html(render(made.report, made.pictures)).text
    assert "the phone's side" in text and "of them changed on the way" in text


def test_an_empty_report_has_a_page(tmp_path: Path) -> None:
    made = analyse_illustrated(Scenario().write(tmp_path / "empty.pcap"))
    check_html(render(made.report, made.pictures))


# ---- hostile text ------------------------------------------------------------------------------

SHORT = [text for text in HOSTILE.values() if len(text) < 200]
LONG = [text for text in HOSTILE.values() if len(text) >= 200]
every = pytest.mark.parametrize(
    "text", [*(" ".join(SHORT[n : n + 8]) for n in range(0, len(SHORT), 8)), *LONG]
)
"""Eight at a time, as a page takes a while."""


@every
def test_hostile_text_in_every_field_is_shown_and_does_nothing(
    told: Illustrated, text: str
) -> None:
    made: Pictures = poison(_few(told.pictures), text)
    for kept, shown in zip(_few(told.pictures).messages, made.messages, strict=True):
        object.__setattr__(shown, "ident", kept.ident)
    for step in made.steps:
        for ladder in (step.left, step.right):
            for rung in ladder.rungs if ladder else ():
                if rung is not None:
                    object.__setattr__(rung, "message", rung.message.partition(" ")[0])
    page = render(poisoned(told.report, text), made)
    check_html(page)
    assert len(page) < 4_000_000


def _few(pictures: Pictures) -> Pictures:
    """One of each kind: what is hostile is hostile in the first."""
    return replace(
        pictures, timelines=pictures.timelines[:1], strips=pictures.strips[:1],
        media=pictures.media[:1], steps=pictures.steps[:2], messages=pictures.messages[:4],
    )  # fmt: skip


@pytest.mark.parametrize("name", ["html-script", "html-attribute", "bidi-override", "nul",
                                  "invalid-utf-8", "very-long"])  # fmt: skip
def test_a_hostile_capture_has_a_page(tmp_path: Path, name: str) -> None:
    path = hostile_capture(tmp_path / "hostile.pcap", [HOSTILE[name]])
    made = analyse_illustrated(path)
    assert made.pictures.messages
    check_html(render(made.report, made.pictures))


def test_a_page_of_nothing_but_large_messages_stays_small(tmp_path: Path) -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7", nat_lifetime_s=30,
                        user_agent="<" * 6000)  # fmt: skip
    for n in range(120):
        s.at(n * 60)
        s.register(phone, expires=60, granted=60)
        s.at(n * 60 + (45 if n % 2 else 20))
        s.call(phone, talk_s=1, media="none", retransmissions=3)
    made = analyse_illustrated(s.write(tmp_path / "large.pcap"))
    assert made.pictures.messages and made.report.verdict.finding == "nat-binding-expired"
    assert len(render(made.report, made.pictures)) < 5_000_000


def test_no_secret_is_in_the_page(page: str) -> None:
    assert 'response="*' in Page(page).text.replace(' "', '"') or "response=" in page
    for datagram in sipdiag.open_source(CASE / "bad.pcap"):
        for secret in re.findall(rb'(?:response|nonce)="([0-9a-f]{8,})"', datagram.payload):
            assert secret.decode() not in page


# ---- what is arranged --------------------------------------------------------------------------


def _many(report: Report, count: int) -> Report:
    """The same fault at ``count`` clients."""
    findings, recommendations = [], []
    for n in range(count):
        for finding in report.findings:
            subject = SubjectInfo("peer", f"SIP/{n}") if n else finding.subject
            findings.append(replace(finding, subject=subject))
        for item in report.recommendations:
            section = f"[{100 + n}]" if item.section == "[101]" else item.section
            if item.section == "[101]" or not n:
                recommendations.append(replace(item, section=section, rank=item.rank + 10 * n))
    return replace(report, findings=findings, recommendations=recommendations)


def test_many_clients_with_one_fault_are_told_together(told: Illustrated) -> None:
    made = _many(told.report, 500)
    page = render(made, told.pictures)
    assert len(page) < len(render(told.report, told.pictures)) + 100_000
    assert "more not shown" in page or "and " in page
    kinds = {kind.name: kind for kind in others(made)}
    assert len(kinds["nat-binding-expired"].told) == 6
    assert kinds["nat-binding-expired"].more.more > 0


def test_clients_that_want_the_same_settings_get_one_text_to_paste(told: Illustrated) -> None:
    first, *rest = ways_shown(_many(told.report, 3)).items
    ((title, lines),) = first.blocks
    assert title == "in sip.conf"
    assert sum(line.startswith("qualifyfreq=25") for line in lines) == 3
    assert [way.other for way in rest] == [True] * len(rest) and not first.other


def test_another_clients_cure_is_no_alternative(told: Illustrated) -> None:
    report = told.report
    item = report.recommendations[0]
    other = replace(item, section="[102]", value="other", forecast="for 102", rank=99)
    found = ways_shown(replace(report, recommendations=[*report.recommendations, other])).items
    assert not found[-1].other and found[1].other


def test_the_root_is_the_one_of_the_verdicts_client(told: Illustrated) -> None:
    made = _many(told.report, 3)
    made.findings.reverse()
    root = root_of(made)
    assert root is not None and root.subject.id == told.report.verdict.subject
    assert root_of(replace(made, findings=[])) is None


@pytest.mark.parametrize(
    ("code", "lead"),
    [("SD501", "binding"), ("SD301", "media"), ("SD503", "steps"), ("SD101", "steps")],
)
def test_what_tells_most_stands_first(told: Illustrated, code: str, lead: str) -> None:
    report = told.report
    root = replace(report.findings[0], code=code)
    found = order(replace(report, findings=[root, *report.findings[1:]]), told.pictures)
    assert found[:2] == [lead, "settings"] and found[-1] == "sources"
    assert len(found) == len(set(found)) and "open" not in found


def test_a_list_is_cut_and_counted() -> None:
    assert (cut(range(3), 2).items, cut(range(3), 2).more, cut(range(2), 2).more) == ([0, 1], 1, 0)


def test_the_first_sentence_is_the_heading() -> None:
    assert sentences("Lost after 29.7 s. It is so.") == ("Lost after 29.7 s.", "It is so.")
    assert sentences("Nothing wrong was found.") == ("Nothing wrong was found.", "")


def test_key_facts_are_the_accused_clients(told: Illustrated) -> None:
    facts = dict(key_facts(told.report))
    assert facts["NAT binding lives"] == "29.7 to 33.0 s"
    report = replace(told.report, verdict=replace(told.report.verdict, subject="SIP/999"))
    assert key_facts(report) == []


def test_the_public_name_renders_it(told: Illustrated, page: str) -> None:
    assert sipdiag.render(told.report, "html", told.pictures) == page
    assert isinstance(told.report.findings[0], FindingInfo)
