"""`python -m scratchrl` is the command line."""

from scratchrl.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
