"""Runs one target under atheris: ``python -m tests.fuzz.engine TARGET [libFuzzer's options]``.

A process of its own a target: what is fuzzed must be imported under atheris' eye.
"""

from __future__ import annotations

import sys

import atheris


def main() -> None:
    """Never comes back: libFuzzer ends the process."""
    name, options = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=["sipdiag"]):
        from tests.fuzz.targets import load

        target = load(name)
    # libFuzzer starts itself anew to merge, by a shell and these words.
    again = f"{sys.executable} -m tests.fuzz.engine {name}"
    atheris.Setup([again, *options], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
