"""`python -m catalogue`: write a data set of product photos and questions."""

import argparse
import os
import sys
from pathlib import Path

from catalogue.dataset import write_dataset


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m catalogue",
        description="Draw product photos with known answers and write them to a folder: photos/*.jpg, "
        "masks/*.png (white where the product is) and questions.jsonl, in English and Chinese.",
        epilog="example: python -m catalogue build/catalogue --split test --photos 200",
    )
    parser.add_argument("folder", type=Path, help="where to write; new or empty")
    parser.add_argument(
        "--split",
        choices=("train", "test"),
        default="test",
        help="test has other seeds and other wordings (default: test)",
    )
    parser.add_argument("--photos", type=int, default=200, help="how many photos (default: 200)")
    parser.add_argument(
        "--per-photo", type=int, default=7, help="questions about each photo (default: 7, one of each kind)"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes that draw (default: all cores)"
    )
    args = parser.parse_args()
    if args.photos < 1 or args.per_photo < 1 or args.workers < 1:
        parser.error("--photos, --per-photo and --workers must be at least 1")
    if args.folder.exists() and not args.folder.is_dir():
        parser.error(f"{args.folder} is a file: name an empty or new folder")
    try:
        write_dataset(args.folder, args.split, args.photos, per_photo=args.per_photo, workers=args.workers)
    except FileExistsError as error:
        parser.error(str(error))
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{args.photos} photos and {args.photos * args.per_photo} questions in {args.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
