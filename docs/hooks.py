"""What mkdocs is told beyond ``mkdocs.yml``.

``CHANGELOG.md`` and ``CONTRIBUTING.md`` are pages of the site; links that lead out of ``docs`` on
the forge, to captures or tests, are plain text on the site, which doesn't hold them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

_FROM_ABOVE = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:]+)(#[^)]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the findings' pages where ``findings/*.md`` stands."""
    for section in config.nav or []:
        for items in section.values():
            if isinstance(items, list) and "findings/*.md" in items:
                at = items.index("findings/*.md")
                pages = sorted(Path(config.docs_dir, "findings").glob("SD*.md"))
                items[at : at + 1] = [f"findings/{path.name}" for path in pages]
    return config


def on_files(files: Files, *, config: MkDocsConfig, **_: Any) -> Files:
    """Adds the pages that lie above ``docs``."""
    for name, source in _FROM_ABOVE.items():
        text = (ROOT / source).read_text()
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Mends the links of a page for the site."""
    folder = Path(page.file.src_uri).parent
    if page.file.src_uri in _FROM_ABOVE:
        folder = Path("..")
    return _LINK.sub(lambda link: _mended(link, folder, page), markdown)


def _mended(link: re.Match[str], folder: Path, page: Page) -> str:
    """The link as it is, to a page of the site from above, or its text alone."""
    text, target, anchor = link[1], link[2], link[3] or ""
    within = _normal(folder / target)
    above = {f"../{source}": name for name, source in _FROM_ABOVE.items()}
    if within.startswith("../docs/"):
        return f"[{text}]({within.removeprefix('../docs/')}{anchor})"
    if within in above:
        depth = len(Path(page.file.src_uri).parts) - 1
        return f"[{text}]({'../' * depth}{above[within]}{anchor})"
    return text if within.startswith("..") else link[0]


def _normal(path: Path) -> str:
    """Without ``x/..``; what leads out begins with ``..``."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
