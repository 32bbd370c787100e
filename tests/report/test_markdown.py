"""The report as Markdown: whole, whatever it holds, and fit to be pasted from."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import sipdiag
from sipdiag.cli import main
from sipdiag.report.markdown import code, render, text
from tests.report.hostile import HOSTILE, poisoned

CAPTURES = Path(__file__).parents[2] / "captures"
CASE = CAPTURES / "sip-binding-30s"
_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.fixture(scope="module")
def report() -> sipdiag.Report:
    return sipdiag.compare(CASE / "good.pcap", CASE / "bad.pcap")


def _tokens(markdown: str) -> list[Token]:
    return _MARKDOWN.parse(markdown)


def _shown(markdown: str) -> str:
    """What a reader sees: texts and code, without the markup."""
    parts = []
    for token in _tokens(markdown):
        parts += [child.content for child in token.children or [] if child.content]
        if token.type == "fence":
            parts.append(token.content)
    return "\n".join(parts)


def test_it_leads_with_the_verdict(report: sipdiag.Report) -> None:
    heading, _, summary = render(report).split("\n")[:3]
    assert heading == "### `nat-binding-expired` (SD501), error, high confidence"
    assert summary.startswith("**The NAT binding of 101 expired")


def test_all_of_it_is_there(report: sipdiag.Report) -> None:
    markdown = render(report)
    shown = _shown(markdown)
    for wanted in (
        "29.7 to 33.0 s", "25 s", "First divergence", "bad.pcap", " frame 494",
        "Settings to change", "qualifyfreq=25", "Also found", "refresh-slower-than-binding",
        "All differences",
        "Made by sipdiag",
    ):  # fmt: skip
        assert wanted in shown, wanted


def test_what_to_capture_next_is_said() -> None:
    open_ = sipdiag.analyse(CAPTURES / "ok-sip-qualify-25s" / "capture.log")
    assert open_.undetermined
    assert "what to capture next" in render(open_)


def test_settings_can_be_copied(report: sipdiag.Report) -> None:
    fences = [t for t in _tokens(render(report)) if t.type == "fence" and t.info == "ini"]
    assert fences[0].content == "[101]\nqualify=yes\nqualifyfreq=25   ; seconds\n"


def test_what_to_type_is_code(report: sipdiag.Report) -> None:
    assert "then `sip reload`" in render(report)


def test_the_timeline_is_drawn_to_scale(report: sipdiag.Report) -> None:
    (drawn,) = [t.content for t in _tokens(render(report)) if t.info == "text"]
    refresh, worked, lost = (line.index("|") for line in drawn.splitlines()[2:])
    assert refresh < worked < lost
    assert (lost - 11) / (worked - 11) == pytest.approx(33.0 / 29.7, rel=0.05)


def test_a_healthy_capture_needs_few_words() -> None:
    healthy = render(sipdiag.analyse(CAPTURES / "ok-public-phone" / "capture.pcap"))
    assert healthy.startswith("**Nothing wrong was")
    assert "Settings to change" not in healthy


def test_quiet_is_the_verdict_only(report: sipdiag.Report) -> None:
    assert len(render(report, quiet=True).split("\n\n")) == 2


def test_what_if_is_a_table(report: sipdiag.Report) -> None:
    shown = _shown(render(report, what_if=True))
    assert "What if, for" in shown and "<- the mildest that reaches" in shown


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_changes_nothing_but_words(report: sipdiag.Report, hostile: str) -> None:
    """Block by block the same document as with a harmless text."""

    def outline(markdown: str) -> list[tuple[str, str, str]]:
        return [(t.type, t.tag, t.info) for t in _tokens(markdown)]

    harmless = outline(render(poisoned(report, "harmless"), what_if=True))
    assert outline(render(poisoned(report, hostile), what_if=True)) == harmless


@pytest.mark.parametrize(
    "wire",
    ["[fe80::1]", "a|b", "a\\|b", "\\", "`", "``", "a `b` c", "*x*", "_x_", "<b>", "&amp;", "~~x~~",
     "$x$", "alice@acme.org", "@alice", "#12", "https://x.org/a_b", "www.x.org", "sip.conf",
     "0123456789abcdef", ":smile:", "203.0.113.7:5060", "29.7 s (4 of 5)", "a@b, c"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["x {} y", "| a |\n| --- |\n| {} |"], ids=["text", "cell"])
def test_wire_text_is_shown_as_it_is(wire: str, form: str) -> None:
    written = form.format(text(wire))
    tokens = _tokens(written)
    (inline,) = [t for t in tokens if t.type == "inline" and t.content != "a"]
    shown = "".join(child.content for child in inline.children or [])
    assert wire.replace("\\|", "|") in shown.replace("\\|", "|")
    kinds = {child.type for child in inline.children or []}
    assert kinds <= {"text", "code_inline", "text_special"}


@pytest.mark.parametrize("wire", ["@alice", "a@b.org", "#12", "www.x.org", "x.org", "https://x"])
def test_what_a_forum_would_link_is_code(wire: str) -> None:
    assert text(f"say {wire}, now") == f"say `{wire}`, now"


@pytest.mark.parametrize("shown", ["a", "`", "``", "a``b", "`a`", "````"])
def test_a_code_span_holds_any_backticks(shown: str) -> None:
    (inline,) = [t for t in _tokens(f"x {code(shown)} y") if t.type == "inline"]
    (span,) = [child for child in inline.children or [] if child.type == "code_inline"]
    assert span.content == shown


def test_a_thousand_findings_fit_a_post(report: sipdiag.Report) -> None:
    many = sipdiag.compare(CASE / "good.pcap", CASE / "bad.pcap")
    many.findings += [many.findings[1]] * 1000
    assert many.comparison is not None
    many.comparison.differences *= 500
    markdown = render(many)
    assert len(markdown) < 65_536
    assert markdown.count("more") >= 2


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(CASE / "good.pcap"), str(CASE / "bad.pcap"), "--markdown"])
    assert ended.value.code == 1
    assert capsys.readouterr().out == render(sipdiag.compare(CASE / "good.pcap", CASE / "bad.pcap"))
    with pytest.raises(SystemExit) as ended:
        main(["analyse", str(CASE / "bad.pcap"), "--markdown", "--json"])
    assert ended.value.code == 2
