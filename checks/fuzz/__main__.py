"""`python -m checks.fuzz`: hostile requests to a real server, which may neither end nor tell its inside."""

import sys

from checks.fuzz.options import FuzzOptions
from command_line.errors import exit_status
from command_line.options import options_from_arguments


def main() -> int:
    options = options_from_arguments(FuzzOptions, "python -m checks.fuzz")
    from checks.fuzz.run import fuzz  # brings gRPC, which --help does not need

    return fuzz(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
