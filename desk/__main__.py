"""`python -m desk`: an HTTP door, a page and an inbox for people."""

import sys

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from desk.options import DeskOptions


def main() -> int:
    options = options_from_arguments(DeskOptions, "python -m desk")
    from desk.run import serve_desk  # brings FastAPI, which --help does not need

    return serve_desk(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
