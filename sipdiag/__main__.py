"""``python -m sipdiag``."""

from sipdiag.cli import script

if __name__ == "__main__":
    script()
