"""The command ``sipdiag``: one file a command, and ``main``, which gives the exit code
(``script`` for a process of its own).

0 nothing at or above ``--fail-on``, 1 findings, 2 usage, 3 unreadable input, 4 permission or
missing tool. Findings go to standard output, progress and notices to standard error, and nobody
is ever shown a traceback.
"""

from sipdiag.cli.app import main, script

__all__ = ["main", "script"]
