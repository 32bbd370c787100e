"""The documentation is true: generated pages are those of the code, links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import sipdiag
from docs.generate import FOLDER, pages
from sipdiag.findings import Severity, rules

ROOT = Path(__file__).parents[2]
PROSE = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")]


def test_the_findings_pages_are_as_generated() -> None:
    written = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    assert written == pages(), "run 'make docs'"


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_readme_shows_what_the_demo_says() -> None:
    demo = ROOT / "captures" / "sip-binding-30s"
    said = sipdiag.render(sipdiag.compare(demo / "good.pcap", demo / "bad.pcap"), "text")
    shown = (ROOT / "README.md").read_text().partition("It begins:")[2].split("```")[1]
    assert said.startswith(shown.strip())


def test_every_rule_is_complete() -> None:
    for rule in rules():
        assert re.fullmatch(r"SD\d{3}", rule.code)
        for text in (rule.title, rule.means, rule.why, rule.confirm, rule.remedy):
            assert text.strip()
        assert rule.references and rule.silent_on
        assert isinstance(rule.severity, Severity)
        assert (ROOT / "tests" / "findings").glob(f"test_{rule.code.lower()}_*.py")


def test_every_finding_has_a_test_file_and_is_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    for rule in rules():
        assert list((ROOT / "tests" / "findings").glob(f"test_{rule.code.lower()}_*.py"))
        assert rule.code in changelog


def test_every_case_has_its_story_and_provenance() -> None:
    for path in (ROOT / "captures").glob("*/case.toml"):
        told = tomllib.loads(path.read_text())
        assert told["title"] and told["story"], path
        assert {"made_by", "date", "asterisk", "kernel"} <= set(told["provenance"]), path
        assert (path.parent / "README.md").exists()
