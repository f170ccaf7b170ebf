"""`python -m builders`: compile a checkpoint into a model repository."""

import argparse
import sys
from pathlib import Path

from builders.build import BuildOptions, build
from builders.errors import BuildError


def main() -> int:
    args = _parser().parse_args()
    try:
        build(
            BuildOptions(
                checkpoint=args.checkpoint,
                output=args.output,
                target=args.target,
                revision=args.revision,
                question_tokens=args.question_tokens,
                answer_tokens=args.answer_tokens,
                answers=args.answers,
                parity_photos=args.parity_photos,
            )
        )
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m builders",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="""\
Compile a BLIP checkpoint into a model repository that Triton serves.

Stages: load the checkpoint, write the configs with its dimensions, export the
image encoder and the answer decoder (with its whole decoding loop) to ONNX,
answer the parity questions with transformers, compare every output of the
engines with that, and write manifest.json. A build whose answers differ from
the checkpoint's stops there and leaves nothing behind.""",
        epilog="""\
examples:
  python -m builders --checkpoint checkpoints/vitrine-small --output build/vitrine-small
  python -m builders --checkpoint Salesforce/blip-vqa-base --output build/blip-base

exit status: 0 built, 1 an error (said on standard error), 2 wrong usage""",
    )
    parser.add_argument(
        "--checkpoint",
        required=True,
        metavar="PATH_OR_HUB_ID",
        help="a BlipForQuestionAnswering, as a folder or on the hub",
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FOLDER", help="the repository to write; must not exist"
    )
    parser.add_argument(
        "--target",
        choices=("onnxruntime",),
        default="onnxruntime",
        help="what the engines run on (default: onnxruntime)",
    )
    parser.add_argument("--revision", help="commit of the hub's checkpoint, so that a build can be repeated")
    parser.add_argument(
        "--question-tokens",
        type=int,
        default=32,
        metavar="L",
        help="longest question, start and end tokens counted in (default: 32)",
    )
    parser.add_argument(
        "--answer-tokens",
        type=int,
        metavar="T",
        help="longest answer, end token counted in (default: as the checkpoint says, else 10)",
    )
    parser.add_argument(
        "--answers",
        type=int,
        default=1,
        metavar="K",
        help="answers a question: the greedy one and K-1 alternatives (default: 1)",
    )
    parser.add_argument(
        "--parity-photos",
        type=int,
        default=16,
        metavar="N",
        help="photos of the parity check, 7 questions each (default: 16)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
