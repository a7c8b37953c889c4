"""`remediator` and `python -m remediator`."""

from remediator.cli import main

if __name__ == "__main__":
    main()
