"""From configuration files, and traffic where it is needed, to what SD601 to SD604 say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.conf_setup import read_setup
from sipdiag.asterisk.identify import parse_version
from sipdiag.base.datagram import Source
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import Finding, judge
from sipdiag.findings.context import Context
from sipdiag.flows.tracker import Tracker
from sipdiag.protocols.media import MediaTable
from tests.told import subjects_of


def found_in(
    folder: Path,
    scenario: Scenario | None = None,
    *,
    version: str | None = None,
    files: Mapping[str, str] | None = None,
    sip: str | None = None,
    pjsip: str | None = None,
) -> list[Finding]:
    """Everything found. ``sip``, ``pjsip`` or ``files["sip"]``: the text of that ``*.conf``."""
    for name, text in {**(files or {}), "sip": sip, "pjsip": pjsip}.items():
        chosen = text if text is not None else (files or {}).get(name)
        if chosen is not None:
            (folder / f"{name}.conf").write_text(chosen)
    setup = read_setup(ConfDir(folder), parse_version(version) if version else None)
    if scenario is None:
        source = Source("etc", kind="configuration", media_visible=False)
        subjects = Tracker(source, MediaTable()).subjects()
    else:
        subjects = subjects_of(scenario)
    return judge(Context(subjects, setup=setup)).findings


def issues(findings: list[Finding], code: str) -> dict[str, str]:
    """Of one code: each issue and how severe the finding is that has it."""
    return {
        str(issue): finding.severity.word
        for finding in findings
        if finding.code == code and isinstance(finding.params["issues"], list)
        for issue in finding.params["issues"]
    }
