"""`python -m checks.fuzz.corpora REPOSITORY FOLDER ...`: ask about every file of public test corpora, one request each.

Such as `Tests/images` of Pillow's source release, `contrib` of libpng's, and
`testimages` of libjpeg-turbo's: odd, broken, and made to harm.
"""

import sys
from dataclasses import dataclass

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import ExistingFolder, Positional
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class CorporaOptions:
    """Ask about every file of some folders, one request each: each is answered, or refused clearly, within 2 s and 300
    MiB.

    Example: python -m checks.fuzz.corpora build/vitrine-small pillow-13.0.0/Tests/images
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    folder: Positional[tuple[ExistingFolder, ...]]
    """Folders of files, images or not."""


def main() -> int:
    options = options_from_arguments(CorporaOptions, "python -m checks.fuzz.corpora")
    from checks.fuzz.corpus_files import ask_about_files  # brings gRPC, which --help does not need

    return ask_about_files(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
