"""``python -m bunri`` is the command, too."""

from bunri.cli import main

if __name__ == "__main__":
    main()
