"""Run the command line: `python -m gearshift`."""

from gearshift.cli.app import main

if __name__ == "__main__":
    main()
