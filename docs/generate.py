"""Writes what is generated: ``docs/findings/`` (one page a finding and an index, from the findings
themselves), the commands' page, the JSON Schema, the manual page, the pictures of a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from docs import commands, man, pictures
from sipdiag.cli.json_schema import schema
from sipdiag.findings import rules
from sipdiag.report.explain import page

FOLDER = Path(__file__).parent / "findings"
SCHEMA = Path(__file__).parent / "schema" / "sipdiag-1.schema.json"


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
    """Writes all of it."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
    SCHEMA.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n")
    commands.main()
    man.main()
    pictures.main()


if __name__ == "__main__":
    main()
