"""Every fuzz target, by name. A new one: a module here with ``TARGET``, and its name below."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from tests.fuzz.target import Target

NAMES = (
    "asterisk_log",
    "conf",
    "conf_diff",
    "dissect",
    "iax2",
    "iax2_dump",
    "iax2_header",
    "pcap",
    "pcapng",
    "recognise",
    "sdp",
    "sip_fields",
    "sip_message",
    "stream",
    "tcp",
    "whole_path",
)


def load(name: str) -> Target:
    """The target of that name; ``KeyError`` where there is none."""
    if name not in NAMES:
        raise KeyError(name)
    return cast(Target, import_module(f"{__name__}.{name}").TARGET)
