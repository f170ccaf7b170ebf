"""`python -m training`: train a checkpoint on the catalogue."""

import sys

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from training.options import TrainingCommand


def main() -> int:
    options = options_from_arguments(TrainingCommand, "python -m training")
    from training.run import train_checkpoint  # brings torch and transformers, which --help does not need

    return train_checkpoint(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
