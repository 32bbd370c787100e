"""Captures made fit to be posted: every address, user, number, host name and identifier gives way
to a stand-in before anything is judged.

The diagnosis runs on rewritten messages, so that nothing of the originals can reach a report. What
a rewriter doesn't know to be harmless is scrambled. Ports, times, methods, status codes, versions
of software and numbers of seconds stay: they are the evidence.
"""

from sipdiag.anonymise.anonymiser import Anonymiser

__all__ = ["Anonymiser"]
