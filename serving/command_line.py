"""What command lines take: numbers within bounds, refused as wrong usage (exit status 2) where they are not."""

import argparse
from collections.abc import Callable

MOST = 10**9


def whole_number(least: int, most: int = MOST) -> Callable[[str], int]:
    """The `type` of an argparse option that takes `least` to `most`."""

    def parsed(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            bounds = f"at least {least}" if most == MOST else f"{least} to {most}"
            raise argparse.ArgumentTypeError(f"{text[:80]!r} came, but a whole number, {bounds}, is expected")
        return number

    return parsed


def positive(text: str) -> float:
    """The `type` of an argparse option that takes a number above 0, such as seconds."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < MOST:  # nor where it is not a number
        raise argparse.ArgumentTypeError(f"{text[:80]!r} came, but a number above 0 is expected")
    return number
