"""`python -m training`: train the bundled checkpoint, or tune one on data of one's own."""

import sys

from command_line.errors import exit_status
from command_line.options import command_from_arguments
from training.options import BundledCommand, LabelCommand
from training.release.options import ReleaseCommand
from training.tuning.options import CheckCommand, TuneCommand

DESCRIPTION = """
Teach a checkpoint: the bundled one from drawn photos, or any supported one from labelled questions of your own. See
docs/how-to/teach-it-your-shop.md.

Example: python -m training tune checkpoints/vitrine-small build/mine --data shop.jsonl
"""
COMMANDS: dict[str, type[BundledCommand | CheckCommand | LabelCommand | ReleaseCommand | TuneCommand]] = {
    "release": ReleaseCommand,
    "tune": TuneCommand,
    "check": CheckCommand,
    "label": LabelCommand,
    "bundled": BundledCommand,
}


def main() -> int:
    options = command_from_arguments(COMMANDS, "python -m training", DESCRIPTION)
    match options:  # what they import takes seconds, which --help does not need
        case BundledCommand():
            from training.run import train_checkpoint

            return train_checkpoint(options)
        case LabelCommand():
            from training.label import label_photos

            return label_photos(options)
        case ReleaseCommand():
            from training.release.run import make_release

            return make_release(options)
        case CheckCommand():
            from training.tuning.run import check_data

            return check_data(options)
        case _:
            from training.tuning.run import tune_checkpoint

            return tune_checkpoint(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
