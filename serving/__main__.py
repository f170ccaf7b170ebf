"""`python -m serving`: serve a built repository."""

import sys

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from serving.options import ServeOptions


def main() -> int:
    options = options_from_arguments(ServeOptions, "python -m serving")
    from serving.serve import serve  # brings gRPC, which --help does not need

    return serve(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
