"""`python -m loadtest`: run, knee, stages, simulate, gate, compare."""

import sys

from command_line.errors import exit_status
from command_line.options import command_from_arguments
from loadtest.options import COMMANDS, DESCRIPTION


def main() -> int:
    options = command_from_arguments(COMMANDS, "python -m loadtest", DESCRIPTION)
    from loadtest.cli import perform  # brings plots and numpy, which --help does not need

    return perform(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
