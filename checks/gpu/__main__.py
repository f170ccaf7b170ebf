"""`python -m checks.gpu`: on a GPU host, from a clone, everything that cannot be proved without a GPU."""

import sys

from checks.gpu.options import GpuCheckOptions
from command_line.errors import exit_status
from command_line.options import options_from_arguments


def main() -> int:
    options = options_from_arguments(GpuCheckOptions, "python -m checks.gpu")
    from checks.gpu.run import check_gpu  # brings gRPC and plots, which --help does not need

    return check_gpu(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
