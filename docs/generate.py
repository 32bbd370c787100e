"""Writes ``docs/findings/``: one page a finding and an index, from the findings themselves."""

from __future__ import annotations

from pathlib import Path

from sipdiag.findings import rules
from sipdiag.report.explain import page

FOLDER = Path(__file__).parent / "findings"


def pages() -> dict[str, str]:
    """File name to text, for every finding and the index."""
    ordered = sorted(rules(), key=lambda rule: rule.code)
    rows = "".join(
        f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.title} | {rule.severity.word} |\n"
        for rule in ordered
    )
    index = "# Findings\n\n| code | name | meaning | severity |\n| --- | --- | --- | --- |\n" + rows
    return {"README.md": index} | {f"{rule.code}.md": page(rule) for rule in ordered}


def main() -> None:
    """Writes all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
