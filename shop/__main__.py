"""`python -m shop`: what the shop knows, in and checked."""

import sys

from command_line.errors import exit_status
from command_line.options import command_from_arguments
from shop.options import CheckOptions, ImportOptions

_COMMANDS: dict[str, type[ImportOptions | CheckOptions]] = {"import": ImportOptions, "check": CheckOptions}


def main() -> int:
    options = command_from_arguments(_COMMANDS, "python -m shop", "Keep what a shop knows of its products.")
    from shop.commands import check_listings, import_products  # bring SQLAlchemy, which --help does not need

    return import_products(options) if isinstance(options, ImportOptions) else check_listings(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
