"""The page as a reader meets it: nothing loads, nothing is logged, and everything works by mouse,
by keyboard, on a phone, on paper, in the dark, and without its script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sipdiag.pipeline import Illustrated, analyse_illustrated, compare_illustrated
from sipdiag.report.html import render
from sipdiag.report.safe import secrets_shown
from tests.browser.chromium import chromium, lacking
from tests.report.hostile import HOSTILE, hostile_capture, poison, poisoned

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, FloatRect, Page

CAPTURES = Path(__file__).parents[2] / "captures"

pytestmark = pytest.mark.skipif(lacking() is not None, reason=lacking() or "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def told() -> Illustrated:
    case = CAPTURES / "sip-binding-30s"
    return compare_illustrated(case / "good.pcap", case / "bad.pcap")


@pytest.fixture(scope="module")
def file(told: Illustrated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(tmp_path_factory.mktemp("page"), _rendered(told))


def _rendered(told: Illustrated) -> str:
    return render(told.report, told.pictures)


def _written(folder: Path, page: str) -> Path:
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


class Seen:
    """What a page did while it was looked at."""

    def __init__(self, page: Page, file: Path) -> None:
        self.requests: list[str] = []
        self.logged: list[str] = []
        self.dialogs: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.logged.append(message.text))
        page.on("pageerror", lambda error: self.logged.append(str(error)))
        page.on("dialog", self._dismiss)
        self.url = file.as_uri()
        page.goto(self.url)

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def check_quiet(self) -> None:
        """Only the page itself was loaded, nothing was logged, nobody was asked anything."""
        assert [url for url in self.requests if url not in (self.url, "data:,")] == []
        assert (self.logged, self.dialogs) == ([], [])


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    found = context.new_page()
    seen = Seen(found, file)
    yield found
    seen.check_quiet()
    context.close()


def _boxes(page: Page, selector: str) -> list[FloatRect]:
    found = [element.bounding_box() for element in page.locator(selector).all()]
    return [box for box in found if box is not None]


def test_timelines_ladders_strips_and_media_are_drawn(page: Page, told: Illustrated) -> None:
    for selector, least, count in (
        ("figure .wide svg", 200, len(told.pictures.timelines) + len(told.pictures.media)),
        ("details[open] .ladders svg", 100, 4),
        (".strips svg", 15, len(told.pictures.strips)),
    ):
        boxes = _boxes(page, selector)
        assert len(boxes) == count, selector
        assert all(box["width"] > 300 and box["height"] > least for box in boxes), selector
    marks = _boxes(page, "figure .wide svg .sd-cross")
    assert len(marks) == 3 and all(box["height"] > 8 for box in marks)


def test_the_two_ladders_of_a_step_stand_beside_each_other(page: Page) -> None:
    left, right = _boxes(page, "details.differs >> nth=0 >> .ladders svg")
    assert left["y"] == right["y"] and left["height"] == right["height"]
    assert left["x"] + left["width"] <= right["x"]


def test_the_copy_button_copies(browser: Browser, file: Path) -> None:
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    seen = Seen(page, file)
    button = page.locator("button.copy").first
    button.click()
    page.get_by_text("Copied").first.wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.rstrip("\n") == "[101]\nqualify=yes\nqualifyfreq=25   ; seconds"
    seen.check_quiet()
    context.close()


def test_where_the_clipboard_is_refused_a_selection_is_copied(browser: Browser, file: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    seen = Seen(page, file)
    page.locator("button.copy").first.click()
    page.get_by_text("Copied").first.wait_for()
    seen.check_quiet()
    context.close()


def test_a_message_opens_beside_its_like_and_closes_again(page: Page) -> None:
    page.locator("details.differs a.sd-link").first.click()
    dialog = page.locator("dialog#message")
    assert dialog.is_visible()
    assert dialog.locator("h2").inner_text() == "INVITE"
    assert dialog.locator("section h3").all_inner_texts() == ["GOOD", "BAD"]
    wires = dialog.locator(".wire").all_inner_texts()
    assert len(wires) == 2 and all(wire.startswith("INVITE sip:101-") for wire in wires)
    dialog.get_by_role("button", name="Next").click()
    assert dialog.locator("h2").inner_text() == "180 Ringing"
    page.keyboard.press("ArrowLeft")
    assert dialog.locator("h2").inner_text() == "INVITE"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_what_a_router_changed_is_marked(browser: Browser, tmp_path: Path) -> None:
    case = CAPTURES / "sip-alg"
    made = analyse_illustrated(case / "bad.pcap", case / "bad.inside.pcap")
    context = browser.new_context()
    page = context.new_page()
    seen = Seen(page, _written(tmp_path, _rendered(made)))
    page.locator("a.sd-link").first.click()
    marked = page.locator("dialog .wire mark")
    assert marked.all_inner_texts() == ["192.168.1.50", "192.168.1.50", "203.0.113.7",
                                        "203.0.113.7"]  # fmt: skip
    assert "underline" in str(_style(page, "dialog .wire mark", "textDecorationLine"))
    seen.check_quiet()
    context.close()


def _style(page: Page, selector: str, name: str) -> Any:
    script = "([s, n]) => getComputedStyle(document.querySelector(s))[n]"
    return page.evaluate(script, [selector, name])


def test_the_keyboard_reaches_everything(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    names: set[str] = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        told = page.evaluate(
            "(() => { const e = document.activeElement; return [e.tagName.toLowerCase(),"
            " e.className.baseVal ?? e.className, getComputedStyle(e).outlineStyle,"
            " (e.getAttribute('aria-label') || e.textContent).trim()] })()"
        )
        assert told[3], f"{told[0]} has no name"
        names.add(f"{told[0]}.{told[1]}".rstrip("."))
    assert {"a", "button", "button.copy", "summary", "a.sd-link"} <= names


def test_enter_on_a_rung_opens_its_message(page: Page) -> None:
    link = page.locator("details.differs a.sd-link").first
    link.focus()
    assert _style(page, "details.differs a.sd-link:focus .sd-hit", "strokeWidth") == "2px"
    page.keyboard.press("Enter")
    assert page.locator("dialog#message").is_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.classList.contains('sd-link')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes(browser: Browser, file: Path, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    seen = Seen(page, file)
    dark = scheme == "dark"
    assert _is_dark(page) is dark
    page.get_by_role("button", name="Light or dark").click()
    assert _is_dark(page) is not dark
    page.get_by_role("button", name="Light or dark").click()
    assert _is_dark(page) is dark
    seen.check_quiet()
    context.close()


def _is_dark(page: Page) -> bool:
    paper, ink, drawn = (
        sum(int(part) for part in str(_style(page, selector, name))[4:-1].split(","))
        for selector, name in (
            ("body", "backgroundColor"), ("body", "color"), ("figure svg .sd-text", "fill"),
        )
    )  # fmt: skip
    assert (ink > paper) == (drawn > paper), "the drawings are in the page's colours"
    return ink > paper


@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_is_as_wide_as_the_screen(browser: Browser, file: Path, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    seen = Seen(page, file)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    kind = "narrow" if width < 720 else "wide"
    box = page.locator(f"figure .{kind} svg").first.bounding_box()
    assert box is not None and box["width"] <= width
    scale = box["width"] / (360 if kind == "narrow" else 960)
    assert 12 * scale >= 11, "words in the drawing can be read"
    page.locator("a.sd-link").first.click()
    dialog = page.locator("dialog").bounding_box()
    assert dialog is not None and dialog["width"] <= width and dialog["height"] <= 844
    seen.check_quiet()
    context.close()


def test_without_a_script_everything_is_there(browser: Browser, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("figure .wide svg").first.is_visible()
    assert not page.locator("button.copy").first.is_visible()
    link = page.locator("details.differs a.sd-link").first
    target = page.locator(str(link.get_attribute("href")))
    assert not target.is_visible()
    link.click()
    assert target.is_visible() and "INVITE sip:101-" in target.inner_text()
    context.close()


def test_on_paper_all_but_the_messages_is_open(page: Page, tmp_path: Path) -> None:
    printed = page.pdf(path=str(tmp_path / "report.pdf"), format="A4")
    assert printed.startswith(b"%PDF")
    page.emulate_media(media="print", color_scheme="dark")
    assert not _is_dark(page)
    assert not page.locator("nav").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (
        page.locator("details:not([open])").count()
        == page.locator("#messages details:not([open])").count()
    )
    assert page.locator("details.step .ladders").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.locator("details.step .ladders").first.is_visible()


def test_who_wants_no_motion_gets_none(browser: Browser, file: Path) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(file.as_uri())
    assert _style(page, "html", "scrollBehavior") == "auto"
    context.close()


def test_hostile_text_runs_nothing(browser: Browser, told: Illustrated, tmp_path: Path) -> None:
    """The whole corpus, in every field of the report and on the wire."""
    context = browser.new_context()
    page = context.new_page()
    attack = " ".join(text for text in HOSTILE.values() if len(text) < 1000)
    more = (
        "<script>window.ran=1</script><img src=x onerror=window.ran=1>"
        "<svg onload=window.ran=1></svg></pre></details><script>window.ran=1</script>"
    )
    poisoned_page = render(poisoned(told.report, attack + more), poison(told.pictures, more))
    with secrets_shown():
        few, all_ = (
            analyse_illustrated(hostile_capture(tmp_path / f"{len(texts)}.pcap", texts))
            for texts in ([more], list(HOSTILE.values()))
        )
    for one, shown in ((poisoned_page, True), (_rendered(few), True), (_rendered(all_), False)):
        seen = Seen(page, _written(tmp_path, one))
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
        assert page.evaluate("window.ran") is None
        assert page.locator("script").count() == 1
        assert page.locator("img, iframe, object, embed, form, base").count() == 0
        text = page.locator("main").inner_text()
        assert len(text) > 1000 and ("<script>window.ran=1</script>" in text or not shown)
        seen.check_quiet()
    context.close()


def test_should_markup_get_through_all_the_same_the_policy_stops_it(
    browser: Browser, told: Illustrated, tmp_path: Path
) -> None:
    """The second line of defence: a page with a hole in it."""
    holed = render(told.report).replace(
        '<main id="main">',
        "<main id=\"main\"><script>window.ran=1</script><img src=x onerror='window.ran=1'>"
        "<img src='http://127.0.0.1:9/x.png'><style>main{display:none}</style>",
    )
    assert "window.ran" in holed
    context = browser.new_context()
    page = context.new_page()
    seen = Seen(page, _written(tmp_path, holed))
    assert page.evaluate("window.ran") is None
    assert page.locator("main").is_visible()
    assert all("Content Security Policy" in line for line in seen.logged) and seen.logged
    context.close()
