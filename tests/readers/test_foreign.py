"""Captures of other projects: each is read as tshark reads it, or refused in one line.

The material lies beside the project, not in it (see its own README there); without it, or
without tshark, these tests are skipped with the reason.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sipdiag.base.errors import InputError
from sipdiag.protocols.recognise import is_sip
from sipdiag.readers import open_source

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "captures"
FILES = sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []

REFUSED = {
    "PcapPlusPlus__microsecs_big_endian.pcap": "link type 253",
    "PcapPlusPlus__solaris.snoop": "Solaris snoop",
    "nDPI__someip_sd_sample.pcap": "link type 192",
    "tcpdump__LINKTYPE_PKTAP.pcap": "link type 258",
    "tcpdump__frf15-heapoverflow.pcap": "link type 107",
    "tcpdump__ieee802.11_htc.pcap": "link type 127",
    "tcpdump__ipoib.pcap": "link type 242",
    "tcpdump__unsupported-link-type-160.pcap": "link type 160",
    "tcpdump__unsupported-link-type-dbus.pcap": "link type 231",
    "tcpdump__vsock-1.pcapng": "link type 271",
    "zeek__dns-inverse-query.pcap": "link type 10",
    "zeek__wlanmon.pcap": "link type 105",
}

OTHER_FRAME_COUNT = {
    "nDPI__fuzz-2021-10-13.pcap": "damaged: tshark makes a frame of what is left of the file",
    "suricata-verify__fuzz.pcap": "damaged: tshark makes a frame of the record that can't be",
}

here = pytest.mark.skipif(not FILES, reason="the foreign captures aren't there")


@here
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_read_as_tshark_does(path: Path) -> None:
    if path.name in REFUSED:
        with pytest.raises(InputError, match=REFUSED[path.name]) as caught:
            list(open_source(path))
        assert "\n" not in str(caught.value)
        return
    reader = open_source(path)
    datagrams = list(reader)
    if shutil.which("tshark") is None:
        pytest.skip("tshark isn't installed")
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "aggregator=\x01"]
    for field in ("frame.number", "sip.Request-Line", "sip.Status-Line"):
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=False)
    rows = [line.split(b"\t") for line in done.stdout.splitlines()]
    if path.name not in OTHER_FRAME_COUNT:
        assert reader.source.packets == len(rows)
    theirs = [int(r[0]) for r in rows for lines in r[1:] for line in lines.split(b"\1") if line]
    assert [d.origin.frame for d in datagrams if is_sip(d.payload)] == theirs
    assert reader.source.sip_messages == len(theirs)


@here
def test_the_lists_above_name_files_that_exist() -> None:
    assert {*REFUSED, *OTHER_FRAME_COUNT} <= {path.name for path in FILES}
