"""Every error that sipdiag raises on purpose, each with the exit code the commands give it.

Content off the wire never raises (it becomes a ``Defect``); these are for what the caller
can mend: the wrong file, the wrong option, a missing right or tool.
"""


class SipdiagError(Exception):
    """Base of all errors raised on purpose. ``str(error)`` is one line for a person."""

    exit_code = 3


class UsageError(SipdiagError):
    """The command's words don't fit (exit code 2)."""

    exit_code = 2


class InputError(SipdiagError):
    """The input can't be read as a capture or a log (exit code 3)."""

    exit_code = 3


class AccessError(SipdiagError):
    """A right or an outside tool is missing (exit code 4)."""

    exit_code = 4
