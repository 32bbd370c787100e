"""``python -m sipdiag``."""

from sipdiag.cli import main

if __name__ == "__main__":
    main()
