"""Links of the pages, as the site needs them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from docs.hooks import on_page_markdown


def _page(address: str) -> Any:
    return SimpleNamespace(file=SimpleNamespace(src_uri=address))


@pytest.mark.parametrize(
    ("page", "written", "on_the_site"),
    [
        ("tutorial.md", "[how](howto/capture.md#here)", "[how](howto/capture.md#here)"),
        ("howto/iax2.md", "[code](../findings/SD501.md)", "[code](../findings/SD501.md)"),
        ("cures.md", "in [the lab](../tests/lab/README.md): real", "in the lab: real"),
        ("howto/iax2.md", "[a case](../../captures/ok-tcp/README.md)", "a case"),
        ("howto/iax2.md", "[changes](../../CHANGELOG.md)", "[changes](../changelog.md)"),
        ("contributing.md", "[built](docs/architecture.md)", "[built](architecture.md)"),
        ("contributing.md", "[lab](tests/lab/README.md)", "lab"),
        ("index.md", "[RFC](https://www.rfc-editor.org/)", "[RFC](https://www.rfc-editor.org/)"),
        ("index.md", "[here](#install)", "[here](#install)"),
        ("index.md", "![verdict](images/ladder.svg)", "![verdict](images/ladder.svg)"),
    ],
)
def test_a_link_is_kept_mended_or_only_its_text(page: str, written: str, on_the_site: str) -> None:
    assert on_page_markdown(written, page=_page(page)) == on_the_site
