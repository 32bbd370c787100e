"""sipdiag: why a phone behind NAT loses its calls, proved from packets.

>>> import sipdiag
>>> report = sipdiag.compare("good.pcap", "bad.pcap")  # doctest: +SKIP
>>> report.verdict.finding  # doctest: +SKIP
'nat-binding-expired'

Importing this package loads none of scapy, pyshark, rich or typer, and of sipdiag itself no more
than is then used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sipdiag._version import __version__

if TYPE_CHECKING:
    from sipdiag.anonymise import Anonymiser
    from sipdiag.base.errors import AccessError, InputError, SipdiagError, UsageError
    from sipdiag.findings import Rule, rules
    from sipdiag.pipeline import Options, analyse, analyse_illustrated, compare, compare_illustrated
    from sipdiag.protocols.iax2 import parse as parse_iax2
    from sipdiag.protocols.sip import parse as parse_sip
    from sipdiag.readers import open_source
    from sipdiag.report import Report
    from sipdiag.report.explain import explain
    from sipdiag.report.picture import Pictures

_HOMES = {
    "AccessError": "sipdiag.base.errors:AccessError",
    "Anonymiser": "sipdiag.anonymise:Anonymiser",
    "InputError": "sipdiag.base.errors:InputError",
    "Options": "sipdiag.pipeline:Options",
    "Report": "sipdiag.report:Report",
    "Rule": "sipdiag.findings:Rule",
    "SipdiagError": "sipdiag.base.errors:SipdiagError",
    "UsageError": "sipdiag.base.errors:UsageError",
    "analyse": "sipdiag.pipeline:analyse",
    "compare": "sipdiag.pipeline:compare",
    "analyse_illustrated": "sipdiag.pipeline:analyse_illustrated",
    "compare_illustrated": "sipdiag.pipeline:compare_illustrated",
    "explain": "sipdiag.report.explain:explain",
    "open_source": "sipdiag.readers:open_source",
    "parse_iax2": "sipdiag.protocols.iax2:parse",
    "parse_sip": "sipdiag.protocols.sip:parse",
    "rules": "sipdiag.findings:rules",
}
"""Where each public name is at home: it is imported when it is first asked for, so that the
command line's help and its smaller commands load no more than they use (PEP 562)."""

__all__ = [
    "AccessError",
    "Anonymiser",
    "InputError",
    "Options",
    "Report",
    "Rule",
    "SipdiagError",
    "UsageError",
    "__version__",
    "analyse",
    "analyse_illustrated",
    "compare",
    "compare_illustrated",
    "explain",
    "open_source",
    "parse_iax2",
    "parse_sip",
    "render",
    "rules",
]


def render(report: Report, kind: str = "json", pictures: Pictures | None = None) -> str:
    """The report as text: ``json``, ``text`` (80 columns, no colour), ``markdown``, or ``html``:
    one page, with the ``pictures`` that ``analyse_illustrated`` or ``compare_illustrated`` made."""
    if kind == "json":
        from sipdiag.report.json import render as render_json

        return render_json(report)
    if kind == "text":
        from sipdiag.report.terminal import render_text

        return render_text(report)
    if kind == "markdown":
        from sipdiag.report.markdown import render as render_markdown

        return render_markdown(report)
    if kind == "html":
        from sipdiag.report.html import render as render_html

        return render_html(report, pictures)
    from sipdiag.base.errors import UsageError

    raise UsageError(f"unknown kind of report: {kind}")


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'sipdiag' has no attribute {name!r}")
        module, _, attribute = home.partition(":")
        value = globals()[name] = getattr(import_module(module), attribute)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
