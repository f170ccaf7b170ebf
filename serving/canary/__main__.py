"""`python -m serving.canary`: give the next release a share of the questions, and take it away where it does worse."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, File, positive, whole_number


def _address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError(f"{text[:80]!r} came, but an address such as http://localhost:8002/metrics is expected")
    return text


_Addresses = Annotated[tuple[Annotated[str, Argument(_address, "URL")], ...], Argument(is_repeated=True)]


@dataclass(frozen=True)
class CanaryOptions:
    """Give the next release, the gateway's --canary, a share of the questions, and watch both releases' metrics. Where
    the new one makes more errors (by a point), or answers, hands over or cannot tell another share (by five points,
    of 200 answers), beyond chance, or is restarted or gone, the share goes back to 0 at once. So it does at Ctrl-C, for
    then nobody watches.

    Example: python -m serving.canary --old http://one:8002/metrics --new http://two:8002/metrics --file canary.yaml

    Exit status: 0 no difference, the share stays; 1 stepped back; 2 wrong usage; 3 too few answers to judge, the share
    stays.
    """

    old: _Addresses
    """Metrics of a server of the old release; again for each."""
    new: _Addresses
    """Metrics of a server of the new release; again for each."""
    file: File = Path("deploy/gateway/canary.yaml")
    """File that the gateway reads the share from."""
    percent: Annotated[int, Argument(whole_number(1, 100), "N")] = 5
    """Share of the questions."""
    minutes: Annotated[float, Argument(positive, "N")] = 10.0
    """Time to watch."""


def main() -> int:
    options = options_from_arguments(CanaryOptions, "python -m serving.canary")
    from serving.canary.watch import Canary, watch
    from serving.supervision.signals import end_on_signals

    end_on_signals()
    return watch(Canary(options.old, options.new, options.file, options.percent, options.minutes * 60))


if __name__ == "__main__":
    sys.exit(exit_status(main))
