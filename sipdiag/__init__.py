"""sipdiag: why a phone behind NAT loses its calls, proved from packets.

>>> import sipdiag
>>> report = sipdiag.compare("good.pcap", "bad.pcap")  # doctest: +SKIP
>>> report.verdict.finding  # doctest: +SKIP
'nat-binding-expired'

Importing this package loads none of scapy, pyshark, rich or typer.
"""

from sipdiag._version import __version__
from sipdiag.base.errors import AccessError, InputError, SipdiagError, UsageError
from sipdiag.findings import Rule, rules
from sipdiag.pipeline import Options, analyse, compare
from sipdiag.protocols.iax2 import parse as parse_iax2
from sipdiag.protocols.sip import parse as parse_sip
from sipdiag.readers import open_source
from sipdiag.report import Report
from sipdiag.report.explain import explain
from sipdiag.report.json import render as render_json

__all__ = [
    "AccessError",
    "InputError",
    "Options",
    "Report",
    "Rule",
    "SipdiagError",
    "UsageError",
    "__version__",
    "analyse",
    "compare",
    "explain",
    "open_source",
    "parse_iax2",
    "parse_sip",
    "render",
    "rules",
]


def render(report: Report, kind: str = "json") -> str:
    """The report as text: ``json``, or ``text`` (80 columns, no colour)."""
    if kind == "json":
        return render_json(report)
    if kind == "text":
        from sipdiag.report.terminal import render_text

        return render_text(report)
    raise UsageError(f"unknown kind of report: {kind}")
