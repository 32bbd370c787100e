"""The diagnosis of an anonymised capture is the same, and nothing in it tells whose it was.

Each bundled case is judged as it is and with stand-ins: the two reports must be the same but for a
renaming, one to one, of words.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import sipdiag
from sipdiag.anonymise import Anonymiser
from sipdiag.anonymise.anonymiser import NOTE
from sipdiag.cli import main
from sipdiag.crafting.scenario import Scenario
from sipdiag.inputs import Options, open_input
from sipdiag.protocols import iax2, sip
from sipdiag.report import Report
from sipdiag.report.json import render as render_json
from sipdiag.report.markdown import render as render_markdown
from sipdiag.report.terminal import render_text

CAPTURES = Path(__file__).parents[2] / "captures"
PAIRS = sorted(path.parent for path in CAPTURES.glob("*/good.pcap"))
SINGLES = sorted(path.parent for path in CAPTURES.glob("*/capture.pcap"))

_WORD = re.compile(r"[A-Za-z0-9_.@*+#-]+|.", re.DOTALL)
_FILE = re.compile(r"/source$|sources/\d+/name$|crossings/\d+/(near|far)$")
"""Where the names of files stand."""
_LINK = re.compile(r" (?:-- See|\(see) https://wiki\.asterisk\.org/\S+$")
"""What chan_sip appends to a line; of a line only what is known to be harmless is kept."""


def _texts(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """The texts at the same places of both; everything else must be equal."""
    if isinstance(one, dict):
        assert len(one) == len(other), path
        for left, right in zip(one, other, strict=True):
            yield f"{path}/key", left, right
            yield from _texts(one[left], other[right], f"{path}/{left}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _texts(left, right, f"{path}/{number}")
    elif isinstance(one, str) and isinstance(other, str):
        yield path, one, other
    else:
        assert one == other, path


def _same_but_for_names(plain: Report, anonymous: Report) -> None:
    for source in anonymous.sources:
        assert NOTE in source.notes
        source.notes = [note for note in source.notes if note != NOTE]
    forth: dict[str, str] = {}
    back: dict[str, str] = {}
    for path, one, other in _texts(asdict(plain), asdict(anonymous)):
        if path.endswith("/source") or re.search(
            r"sources/\d+/name|crossings/\d+/(near|far)$", path
        ):
            continue
        words, others = _WORD.findall(_LINK.sub("", one)), _WORD.findall(other)
        assert len(words) == len(others), (path, one, other)
        for word, stand_in in zip(words, others, strict=True):
            if word != stand_in:
                assert forth.setdefault(word, stand_in) == stand_in, path
                assert back.setdefault(stand_in, word) == word, path


Job = Callable[[Options], Report]


def _compare(good: Path, bad: Path) -> Job:
    return lambda options: sipdiag.compare(good, bad, options)


def _analyse(*files: Path) -> Job:
    return lambda options: sipdiag.analyse(*files, options=options)


def _jobs(case: Path) -> Iterator[Job]:
    if (case / "good.pcap").exists():
        for ending in ("pcap", "log", "inside.pcap"):
            yield _compare(case / f"good.{ending}", case / f"bad.{ending}")
        yield _analyse(case / "bad.pcap", case / "bad.inside.pcap")
    else:
        for ending in ("pcap", "log"):
            yield _analyse(case / f"capture.{ending}")
        yield _analyse(case / "capture.pcap", case / "capture.inside.pcap")


@pytest.mark.parametrize("case", [*PAIRS, *SINGLES], ids=lambda case: case.name)
def test_the_diagnosis_is_the_same(case: Path) -> None:
    for job in _jobs(case):
        _same_but_for_names(job(Options()), job(Options(anonymise=Anonymiser())))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark isn't installed")
def test_by_another_reader_too() -> None:
    """Audio is counted under stand-ins, whoever counts it."""
    job = _analyse(CAPTURES / "sip-one-way-audio" / "bad.pcap")
    anonymous = job(Options(reader="tshark", anonymise=Anonymiser()))
    assert anonymous.verdict.finding == "one-way-audio"
    _same_but_for_names(job(Options(reader="tshark")), anonymous)


def test_the_same_input_gets_the_same_stand_ins_every_time() -> None:
    job = _compare(CAPTURES / "sip-alg" / "good.pcap", CAPTURES / "sip-alg" / "bad.pcap")
    assert job(Options(anonymise=Anonymiser())) == job(Options(anonymise=Anonymiser()))


def _personal(path: Path) -> set[str]:
    """Addresses, Call-IDs, tags, branches, displays and users in a capture, as a look at its
    messages finds them."""
    found: set[str] = set()
    for datagram in open_input(path):
        found |= {end.ip for end in (datagram.src, datagram.dst) if end is not None}
        message = sip.parse(datagram.payload)
        if message is not None:
            found.add(message.call_id)
            for address in (message.from_, message.to, *message.contacts):
                if address is not None:
                    found |= {address.tag or "", address.display}
                    found.add((address.uri.user if address.uri else None) or "")
                    found.add(address.params.get("+sip.instance") or "")
            found |= {via.branch or "" for via in message.vias}
        frame = iax2.parse(datagram.payload)
        if isinstance(frame, iax2.FullFrame):
            found |= {frame.text(n) or "" for n in ("CHALLENGE", "MD5_RESULT", "CALLING_NAME")}
    # The lab's users have the numbers of replies; "asterisk" is what every Asterisk is called.
    return {text for text in found if len(text) > 3} - {"asterisk"}


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.name)
def test_nothing_of_the_capture_is_left(case: Path) -> None:
    personal = _personal(case / "bad.pcap") | _personal(case / "good.pcap")
    report = sipdiag.compare(case / "good.pcap", case / "bad.pcap", Options(anonymise=Anonymiser()))
    shown = "\n".join(
        (
            render_text(report, 400, what_if=True),
            render_json(report),
            render_markdown(report, what_if=True),
        )
    )
    assert [text for text in personal if text in shown] == []
    assert str(case.parent) not in shown


WHO = {
    "alice.smith", "acme", "493012345678", "805ec0aabbcc", "10.77.66.55", "91.12.33.4",
    "93.184.216.34", "Berlin", "7777",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of somebody whose calls fail, in a file that bears her name."""
    made = tmp_path_factory.mktemp("share")
    s = Scenario("93.184.216.34")
    phone = s.sip_phone(
        "alice.smith", inner="10.77.66.55", outer="91.12.33.4",
        user_agent="Yealink SIP-T21P 52.84.0.15 805ec0aabbcc", nat_lifetime_s=30,
    )  # fmt: skip
    s.register(phone)
    s.call(phone)
    s.at(60)
    s.register(phone)
    s.at(120)
    s.call(phone, answered=False)
    s.register(phone)
    s.at(130)
    s.send(
        "91.12.33.4:5060", "93.184.216.34:5060",
        b"INVITE sip:+493012345678@pbx.acme-corp.org SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 10.77.66.55:5060;branch=z9hG4bK77;rport\r\n"
        b'From: "Acme Berlin" <sip:alice.smith@pbx.acme-corp.org>;tag=7777\r\n'
        b"To: <sip:+493012345678@pbx.acme-corp.org>\r\nCall-ID: 7777@10.77.66.55\r\n"
        b"CSeq: 1 INVITE\r\nSubject: Berlin\r\n\r\n",
    )  # fmt: skip
    s.write(made / "acme-berlin-alice.smith.pcap")
    return made


@pytest.mark.parametrize(
    "words",
    [
        "analyse FILE",
        "analyse FILE --what-if",
        "analyse FILE --json",
        "analyse FILE --markdown",
        "analyse FILE FILE --markdown",
        "analyse FILE --html out.html",
        "analyse FILE --plot out.svg",
        "analyse FILE --write-pcap out.pcapng",
        "analyse FILE --local 93.184.216.34",
        "compare FILE FILE",
        "ladder FILE",
        "ladder FILE --svg out.svg",
        "advise FILE",
        "advise FILE --json",
    ],
)
def test_no_output_tells_whose_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(folder)
    for name in ("out.html", "out.svg", "out.pcapng"):
        Path(name).unlink(missing_ok=True)
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.suppress(SystemExit),
    ):
        main([*words.replace("FILE", "acme-berlin-alice.smith.pcap").split(), "--anonymise"])
    out.flush()
    data = out.buffer
    assert isinstance(data, io.BytesIO)
    shown = data.getvalue() + err.getvalue().encode()
    shown += b"".join(file.read_bytes() for file in folder.glob("out.*"))
    assert len(shown) > 200
    assert [who for who in WHO if who.lower().encode() in shown.lower()] == []
