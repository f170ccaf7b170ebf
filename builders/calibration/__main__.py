"""`python -m builders.calibration`: see `calibrate.py`."""

import sys

from builders.calibration.calibrate import main

if __name__ == "__main__":
    sys.exit(main())
