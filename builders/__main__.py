"""`python -m builders`: compile a checkpoint into a model repository."""

import sys

from builders.options import BuildOptions
from command_line.errors import INTERRUPTED, exit_status
from command_line.options import options_from_arguments


def main() -> int:
    options = options_from_arguments(BuildOptions, "python -m builders")
    from builders.build import build  # brings torch, which --help does not need

    try:
        build(options)
    except KeyboardInterrupt:
        print(
            "interrupted: no repository was written; graphs that were finished are kept for the next try",
            file=sys.stderr,
        )
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(main))
