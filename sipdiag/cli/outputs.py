"""What a diagnosis is given out as: text, JSON or Markdown on standard output, and files beside it.

The options that ``analyse`` and ``compare`` share, and ``Outputs``, which checks them before
anything is read and delivers the report.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from sipdiag.anonymise import Anonymiser
from sipdiag.base.errors import UsageError
from sipdiag.cli.common import show
from sipdiag.inputs import Options
from sipdiag.pipeline import Diagnosis, illustrate
from sipdiag.report.model import Report
from sipdiag.report.safe import plain, secrets_shown

Markdown = Annotated[
    bool, typer.Option("--markdown", help="The report as Markdown, for a forum or an issue.")
]
Html = Annotated[
    str | None,
    typer.Option(
        "--html", help="Write the report as one page: timeline, ladders, messages.", metavar="FILE"
    ),
]
Anonymise = Annotated[
    bool,
    typer.Option(
        "--anonymise",
        "--anonymize",
        help="Stand-ins for addresses, users, numbers and hosts; NAT evidence stays.",
    ),
]
ShowSecrets = Annotated[
    bool, typer.Option("--show-secrets", help="Don't hide digests, keys and passwords.")
]
Plot = Annotated[
    str | None,
    typer.Option(
        "--plot", help="Write the timeline of the NAT binding, .svg or .png.", metavar="FILE"
    ),
]
WritePcap = Annotated[
    str | None,
    typer.Option(
        "--write-pcap",
        help="Write the packets that are evidence, as pcapng with comments.",
        metavar="FILE",
    ),
]

_KEPT: list[Diagnosis] = []
"""The last one, for as long as the process lasts: to take apart what a large capture left is a
fortieth of the time that two processes need for all, and nobody waits for the memory."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the user asked for. ``plot``, ``write_pcap`` and ``html``: files to write."""

    json: bool = False
    markdown: bool = False
    quiet: bool = False
    what_if: bool = False
    anonymise: bool = False
    show_secrets: bool = False
    plot: str | None = None
    write_pcap: str | None = None
    html: str | None = None

    @property
    def illustrated(self) -> bool:
        """Whether pictures are needed."""
        return self.plot is not None or self.html is not None

    def prepare(self, inputs: Sequence[str], options: Options) -> Options:
        """The options that the outputs need. Raises ``UsageError`` for what doesn't go together,
        before anything is read."""
        if self.json and self.markdown:
            raise UsageError("--json and --markdown don't go together")
        if self.anonymise and self.show_secrets:
            raise UsageError("--anonymise and --show-secrets don't go together")
        if self.plot is not None:
            from sipdiag.cli.plot import check as check_plot

            check_plot(self.plot)
        if self.write_pcap is not None:
            from sipdiag.cli.evidence_out import check as check_evidence

            check_evidence(inputs, self.write_pcap)
        if self.html is not None:
            from sipdiag.cli.html_out import check as check_html

            check_html(inputs, self.html)
        return replace(options, anonymise=Anonymiser(options.limits)) if self.anonymise else options

    def deliver(
        self,
        diagnosis: Diagnosis,
        inputs: Sequence[str],
        options: Options,
        good: str | None = None,
    ) -> Report:
        """Prints and writes everything. ``good``: GOOD of a comparison."""
        _KEPT[:] = [diagnosis]
        report = diagnosis.report
        with secrets_shown(self.show_secrets):
            pictures = illustrate(diagnosis, options).pictures if self.illustrated else None
            show(
                report,
                as_json=self.json,
                as_markdown=self.markdown,
                quiet=self.quiet,
                what_if=self.what_if,
            )
            if self.plot is not None and pictures is not None:
                from sipdiag.cli.plot import write_plot

                self._say(write_plot(pictures, self.plot))
            if self.html is not None and pictures is not None:
                from sipdiag.cli.html_out import write_html

                self._say(write_html(report, pictures, self.html))
            if self.write_pcap is not None:
                self._write_pcap(report, inputs, options, good)
        return report

    def _write_pcap(
        self, report: Report, inputs: Sequence[str], options: Options, good: str | None
    ) -> None:
        from sipdiag.cli.evidence_out import write_evidence

        assert self.write_pcap is not None
        written = write_evidence(report, inputs, options, self.write_pcap, good)
        said = f"{_packets(written.packets)} written to {os.path.basename(self.write_pcap)}"
        if written.of_good:
            said += f"; {_packets(written.of_good)} of GOOD left out"
        if written.no_packets:
            said += f"; {written.no_packets} pieces of evidence are no packets that can be written"
        self._say(said)

    def _say(self, text: str) -> None:
        if not self.quiet:
            print(f"sipdiag: {plain(text)}", file=sys.stderr)


def _packets(count: int) -> str:
    return f"{count} packet" if count == 1 else f"{count} packets"
