"""`python -m serving.demo`: a few questions about a few photos, asked of a real server."""

import sys
from dataclasses import dataclass
from pathlib import Path

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import ExistingFolder, Positional


@dataclass(frozen=True)
class DemoOptions:
    """Ask a real server a few questions about a few photos, in English and Chinese.

    Examples:
      python -m serving.demo build/vitrine-small
      python -m serving.demo build/vitrine-small --photos ./my-photos
    """

    repository: Positional[Path]
    """A repository that `python -m builders` wrote."""
    photos: ExistingFolder | None = None
    """Your own photos: what is shown, and of what colour, is asked about the first five that can be read (default:
    three that are drawn by catalogue/)."""


def main() -> int:
    options = options_from_arguments(DemoOptions, "python -m serving.demo")
    from serving.show_demo import show_demo  # brings gRPC, which --help does not need

    return show_demo(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
