"""``sipdiag schema``: the JSON Schema of what ``--json`` writes."""

from __future__ import annotations

import json

from sipdiag.cli.json_schema import schema


def command() -> None:
    """Print the JSON Schema (draft 2020-12) of all that --json writes."""
    print(json.dumps(schema(), indent=2))
