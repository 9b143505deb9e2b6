"""`python -m taskfleet`, `taskfleet` and `kubectl taskfleet`."""

from taskfleet.cli import main

if __name__ == "__main__":
    main()
