"""`python -m builders.calibration`: fit how sure a checkpoint's answers are, on questions with known answers."""

import sys

from builders.calibration.options import CalibrationOptions
from command_line.errors import exit_status
from command_line.options import options_from_arguments


def main() -> int:
    options = options_from_arguments(CalibrationOptions, "python -m builders.calibration")
    from builders.calibration.calibrate import calibrate  # brings torch, which --help does not need

    return calibrate(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
