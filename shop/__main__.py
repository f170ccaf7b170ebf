"""`python -m shop`: what the shop knows, in and checked."""

import sys

from command_line.errors import exit_status
from command_line.options import command_from_arguments
from shop.options import CheckOptions, ImportOptions, IndexOptions

_COMMANDS: dict[str, type[ImportOptions | CheckOptions | IndexOptions]] = {
    "import": ImportOptions, "check": CheckOptions, "index": IndexOptions,
}  # fmt: skip


def main() -> int:
    options = command_from_arguments(_COMMANDS, "python -m shop", "Keep what a shop knows of its products.")
    from shop.commands import check_listings, import_products, index_photos  # bring SQLAlchemy, not needed by --help

    match options:
        case ImportOptions():
            return import_products(options)
        case CheckOptions():
            return check_listings(options)
        case _:
            return index_photos(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
