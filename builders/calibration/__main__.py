"""`python -m builders.calibration`: see `calibrate.py`."""

import sys

from builders.calibration.calibrate import main
from serving.command_line import exit_status

if __name__ == "__main__":
    sys.exit(exit_status(main))
