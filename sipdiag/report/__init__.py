"""The ``Report`` and its renderers. Wire text is escaped here (``safe``) and nowhere else."""

from sipdiag.report.model import SCHEMA, Report

__all__ = ["SCHEMA", "Report"]
