"""`python -m builders`: compile a checkpoint into a model repository."""

import argparse
import sys
from pathlib import Path

from builders.build import build
from builders.errors import BuildError
from builders.options import HARDWARE_COMPATIBILITY, PRECISIONS, STRATEGIES, TARGETS, BuildOptions, PlanOptions
from builders.repository.configs import BatchRange


def main() -> int:
    args = _parser().parse_args()
    plan = PlanOptions(
        workspace_gib=args.workspace_gib,
        optimization_level=args.optimization_level,
        hardware_compatibility=args.hardware_compatibility,
        version_compatible=args.version_compatible,
    )
    options = BuildOptions(
        checkpoint=args.checkpoint,
        output=args.output,
        target=args.target,
        precision=args.precision,
        revision=args.revision,
        sha256=tuple(args.sha256),
        question_tokens=args.question_tokens,
        answer_tokens=args.answer_tokens,
        answers=args.answers,
        batch=args.batch,
        decode_strategy=args.decode_strategy,
        cores=args.cores,
        parity_photos=args.parity_photos,
        low_precision_photos=args.low_precision_photos,
        photos=args.photos,
        plan=plan,
        cache=args.cache,
        graphs_only=args.graphs_only,
        rules=args.rules,
    )
    try:
        build(options)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(
            "interrupted: no repository was written; graphs that were finished are kept for the next try",
            file=sys.stderr,
        )
        return 130
    return 0


def _batch_range(text: str) -> BatchRange:
    try:
        return BatchRange.parsed(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m builders",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="""\
Compile a BLIP checkpoint into a model repository that Triton serves.

Stages: load the checkpoint, export the image encoder and the answer decoder
(with its whole decoding loop) to ONNX, answer the parity questions with
transformers, make the engines, compare every output of theirs with that, and
write the repository with its manifest.json. A build whose answers differ from
the checkpoint's stops there and leaves no repository behind.

Two targets: "onnxruntime" runs anywhere; "tensorrt" needs an NVIDIA GPU, and
proves its half-precision graphs on the CPU first. An interrupted build goes
on from its finished graphs when the same command is given again.""",
        epilog="""\
examples:
  python -m builders --checkpoint checkpoints/vitrine-small --output build/vitrine-small
  python -m builders --checkpoint checkpoints/vitrine-small --output build/fast --precision auto
  python -m builders --checkpoint Salesforce/blip-vqa-base --revision COMMIT --sha256 HEX --output build/blip-base
  python -m builders --checkpoint checkpoints/vitrine-small --output build/gpu --target tensorrt
  python -m builders --checkpoint checkpoints/vitrine-small --output build/gpu --target tensorrt \\
      --graphs-only --parity-photos 143    (without a GPU: prove the FP16 graphs on 1,001 questions)

exit status: 0 built, 1 an error (said on standard error), 2 wrong usage, 130 interrupted""",
    )
    _add_what(parser.add_argument_group("what to build"))
    _add_shape(parser.add_argument_group("shape"))
    _add_tensorrt(parser.add_argument_group("TensorRT"))
    return parser


def _add_what(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--checkpoint",
        required=True,
        metavar="PATH_OR_HUB_ID",
        help="a BlipForQuestionAnswering, as a folder or on the hub",
    )
    group.add_argument("--revision", metavar="COMMIT", help="of the hub's checkpoint; needed there, for names move")
    group.add_argument(
        "--sha256",
        action="append",
        default=[],
        metavar="HEX",
        help="of its weights, as the hub's page of model.safetensors shows it; needed there",
    )
    group.add_argument(
        "--output", required=True, type=Path, metavar="FOLDER", help="the repository to write; must not exist"
    )
    group.add_argument(
        "--target", choices=TARGETS, default=TARGETS[0], help=f"what the engines run on (default: {TARGETS[0]})"
    )
    group.add_argument(
        "--precision",
        choices=tuple(precision for target in TARGETS for precision in PRECISIONS[target]),
        help="of weights and matrix products; auto: for each engine the faster of fp32 and int8, measured on this "
        "machine, as long as 99.5 %% of 1,001 answers stay what they were (default: fp32 for onnxruntime, fp16 for "
        "tensorrt)",
    )
    group.add_argument(
        "--low-precision-photos",
        type=int,
        default=143,
        metavar="N",
        help="photos on which --precision auto has to keep the answers, 7 questions each (default: 143)",
    )
    group.add_argument(
        "--parity-photos",
        type=int,
        default=16,
        metavar="N",
        help="photos of the parity check, 7 questions each (default: 16)",
    )
    group.add_argument(
        "--photos",
        type=Path,
        metavar="FOLDER",
        help="your own photos for the parity check and the activation ranges (default: drawn by catalogue/)",
    )
    group.add_argument(
        "--rules",
        type=Path,
        metavar="FILE",
        help="house rules, answer_rules.yaml, to build in (see docs/how-to/use-answers.md)",
    )
    group.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="for graphs of an interrupted build and TensorRT's timings (default: cache, beside the output)",
    )


def _add_shape(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--question-tokens",
        type=int,
        default=32,
        metavar="L",
        help="longest question, start and end tokens counted in (default: 32)",
    )
    group.add_argument(
        "--answer-tokens",
        type=int,
        metavar="T",
        help="longest answer, end token counted in (default: as the checkpoint says, else 10)",
    )
    group.add_argument(
        "--answers",
        type=int,
        default=5,
        metavar="K",
        help="answers a question: the greedy one and K-1 alternatives (default: 5)",
    )
    group.add_argument(
        "--batch",
        type=_batch_range,
        metavar="MIN/OPT/MAX",
        help="rows of one run of an engine; MAX is every model's max_batch_size (default: 1/8/16; "
        "1/4/4 for a wide model on the CPU, which gains nothing from more)",
    )
    group.add_argument(
        "--decode-strategy",
        choices=STRATEGIES,
        default=STRATEGIES[0],
        help="one decode step in a loop that ends early, or T steps written out, which CUDA graphs can capture "
        "(default: loop; see docs/adr/0005)",
    )
    group.add_argument(
        "--cores",
        type=int,
        metavar="N",
        help="of the machine that will serve: so many photos, and of a narrow model runs, at once, 8 at most (default: "
        "as many as here)",
    )


def _add_tensorrt(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--graphs-only",
        action="store_true",
        help="stop when the graphs are proved, before TensorRT starts: for a machine without a GPU",
    )
    group.add_argument(
        "--workspace-gib", type=float, default=4.0, metavar="GIB", help="scratch memory of a kernel (default: 4)"
    )
    group.add_argument(
        "--optimization-level",
        type=int,
        default=3,
        metavar="0..5",
        help="how long TensorRT looks for faster kernels (default: 3)",
    )
    group.add_argument(
        "--hardware-compatibility",
        choices=HARDWARE_COMPATIBILITY,
        default=HARDWARE_COMPATIBILITY[0],
        help="other GPUs that the plan shall run on, at some cost in speed (default: none)",
    )
    group.add_argument("--version-compatible", action="store_true", help="let other versions of TensorRT load the plan")


if __name__ == "__main__":
    sys.exit(main())
