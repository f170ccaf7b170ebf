"""`python -m checks.soak`: load a server for an hour, with faults, and say whether anything grew."""

import sys

from checks.soak.options import SoakOptions
from command_line.errors import exit_status
from command_line.options import options_from_arguments


def main() -> int:
    options = options_from_arguments(SoakOptions, "python -m checks.soak")
    from checks.soak.run import soak  # brings plots and gRPC, which --help does not need

    return soak(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
