"""How a program ends: 0 done, 1 the work failed, 2 what was asked for cannot be, 130 interrupted."""

import sys
from collections.abc import Callable

INTERRUPTED = 130
"""Exit status of a program that Ctrl-C or another signal ended before its work was done, as of a shell's."""


class UsageError(ValueError):
    """What was asked for cannot be: the value of an option, or a file or folder that it names. Says what to do."""

    exit_status = 2


def exit_status(main: Callable[[], int]) -> int:
    """Run a program. An error that knows its exit status is for people: its message goes to standard error."""
    try:
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        status = getattr(error, "exit_status", None)
        if not isinstance(status, int):
            raise
        print(f"error: {error}", file=sys.stderr)
        return status
