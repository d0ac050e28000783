"""``python -m optserve`` is the command line, where its script is on no path."""

from optserve.cli import main

if __name__ == "__main__":
    main()
