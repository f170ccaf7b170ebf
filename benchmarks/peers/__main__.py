"""`python -m benchmarks.peers NAME CHECKPOINT`: serve a checkpoint as a peer does, until it is ended."""

import argparse
from importlib import import_module

from benchmarks.peers.answering import Answerer
from serving.command_line import existing_folder, whole_number

NAMES = ("fastapi", "litserve", "pytriton")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument(
        "checkpoint", type=existing_folder, help="a BlipForQuestionAnswering in the transformers format"
    )
    parser.add_argument("--port", type=whole_number(1, 65535), required=True)
    parser.add_argument(
        "--answer-tokens", type=whole_number(1), required=True, metavar="T", help="of an answer, at most"
    )
    parser.add_argument("--forced", action="store_true", help="every answer has so many tokens")
    args = parser.parse_args()
    answerer = Answerer(args.checkpoint, args.answer_tokens, args.forced)
    import_module(f"benchmarks.peers.{args.name}_peer").serve(answerer, args.port)


if __name__ == "__main__":
    main()
