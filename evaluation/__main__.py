"""`python -m evaluation`: how far can a server's answers be trusted?"""

import sys

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from evaluation.options import EvaluationOptions


def main() -> int:
    options = options_from_arguments(EvaluationOptions, "python -m evaluation")
    from evaluation.run import evaluate  # brings gRPC, plots and torch, which --help does not need

    return evaluate(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
