"""The documentation site: it builds without a warning, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import sipdiag
from docs import pictures

ROOT = Path(__file__).parents[2]

_LOADS = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "form": ("action",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
}
_LINKS_LOADED = {"stylesheet", "icon", "preload", "preconnect", "manifest", "modulepreload"}


class _Loaded(HTMLParser):
    """What a browser fetches for a page by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.found += [values.get(name) or "" for name in _LOADS.get(tag, ())]
        if tag == "link" and set((values.get("rel") or "").split()) & _LINKS_LOADED:
            self.found.append(values.get("href") or "")
        self.found += re.findall(r"url\(([^)]*)\)", values.get("style") or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)


def _loaded(html: str) -> list[str]:
    parser = _Loaded()
    parser.feed(html)
    return [found for found in parser.found if found]


def _is_elsewhere(address: str) -> bool:
    return bool(re.match(r"\s*['\"]?\s*(?:[a-z][a-z0-9+.-]*:)?//", address, re.IGNORECASE))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    for path in (ROOT / "docs").glob("**/*.md"):
        name = path.relative_to(ROOT / "docs").with_suffix(".html")
        built = name.with_name("index.html") if name.name == "README.html" else name
        assert (site / built).exists(), path
    assert (site / "changelog.html").exists()
    assert not list(site.glob("**/*.py"))


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.glob("**/*.html"))
    assert pages
    for page in pages:
        loaded = _loaded(page.read_text())
        assert loaded
        assert [address for address in loaded if _is_elsewhere(address)] == [], page


def test_what_pages_load_is_there(site: Path) -> None:
    for page in site.glob("**/*.html"):
        if page.name == "404.html":
            continue
        for address in _loaded(page.read_text()):
            if not address.startswith(("data:", "#")):
                assert (page.parent / address.partition("?")[0]).exists(), (page, address)


def test_styles_and_pictures_load_nothing_from_elsewhere(site: Path) -> None:
    for path in (*site.glob("**/*.css"), *site.glob("**/*.svg")):
        text = path.read_text()
        addresses = re.findall(r"url\(([^)]*)\)|@import\s+([^;]+)", text)
        assert not [found for pair in addresses for found in pair if _is_elsewhere(found)], path


def test_what_counts_as_elsewhere() -> None:
    html = (
        '<link rel="stylesheet" href="https://a.example/x.css"><script src="//b.example/y.js">'
        '</script><a href="https://c.example/">c</a><img src="d.png" srcset="http://e.example/">'
        '<p style="background: url(https://f.example/g)">'
    )
    elsewhere = [address for address in _loaded(html) if _is_elsewhere(address)]
    assert elsewhere == [
        "https://a.example/x.css",
        "//b.example/y.js",
        "http://e.example/",
        "https://f.example/g",
    ]


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_shows_what_the_command_prints(name: str) -> None:
    kept = (pictures.FOLDER / f"{name}.svg").read_text()
    now = pictures.draw(pictures.PICTURES[name])
    assert pictures.text_of(kept) == pictures.text_of(now), "run 'make docs'"


def test_every_public_name_is_on_the_python_page() -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    shown = set(re.findall(r"^::: sipdiag\.(\w+)$", page, re.MULTILINE))
    assert shown == set(sipdiag.__all__) - {"__version__"}


def test_the_python_examples_do_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (said,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    (tmp_path / "captures").symlink_to(ROOT / "captures")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)
    assert capsys.readouterr().out == said
    assert "nat-binding-expired" in (tmp_path / "report.html").read_text()
