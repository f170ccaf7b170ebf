"""`python -m evaluation`: how right are a repository's answers?"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from vitrine_client import GrpcTransport, VitrineError, VqaClient

from catalogue.attributes import KINDS
from evaluation.accuracy import Share, accuracy_by_group
from evaluation.agreement import agreement_with_reference, raw_probabilities
from evaluation.asking import asked_and_graded, photos_of
from evaluation.calibration import Trust, draw_trust, expected_calibration_error, trust_in
from evaluation.pointing import pointing
from serving.command import ServerSettings
from serving.errors import ServingError
from serving.server import EmbeddedServer
from serving.signals import end_on_signals


def main() -> int:
    args = _parser().parse_args()
    end_on_signals()
    settings = ServerSettings(args.repository, grpc_port=0, http_port=None, metrics_port=None)
    try:
        if args.url:
            return _evaluate(args.url, args)
        with EmbeddedServer(settings) as server:
            return _evaluate(server.url, args)
    except (ServingError, VitrineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _evaluate(url: str, args: argparse.Namespace) -> int:
    with VqaClient(url, timeout_s=60) as client:
        graded = asked_and_graded(client, args.questions, first_photo=args.first_photo, threads=args.threads)
    shares = accuracy_by_group(graded)
    print(accuracy_table(shares))
    report: dict[str, Any] = {
        "questions": len(graded),
        "accuracy": {name: share.ratio for name, share in shares.items()},
        "wrong": [asdict(row) for row in graded if not row.right],
    }
    calibrated = all(row.confidence is not None for row in graded)
    if not calibrated:
        print("this server is uncalibrated: its answers carry no confidence")
    else:
        groups = {"all": graded, **{la: [row for row in graded if row.language == la] for la in ("en", "zh")}}
        trusts = {name: trust_in(rows) for name, rows in groups.items() if rows}
        print(trust_table(trusts))
        report["trust"] = {name: asdict(trust) for name, trust in trusts.items()}
    if args.pointing:
        with VqaClient(url, timeout_s=60) as client:
            pointed = pointing(client, args.pointing, first_photo=args.first_photo)
        report["pointing"] = asdict(pointed)
        print(
            f"heatmap's maximum inside the product: {pointed.inside:.1%} of {pointed.asked} colour and category "
            f"questions (English {pointed.by_language['en']:.1%}, Chinese {pointed.by_language['zh']:.1%}); "
            f"the product covers {pointed.mask_share:.1%} of a photo"
        )
    raw = None
    if args.before_calibration:
        raw = np.array(raw_probabilities(GrpcTransport(url), photos_of(graded, first_photo=args.first_photo), graded))
        right = np.array([row.right for row in graded])
        report["before_calibration"] = {
            "expected_calibration_error": expected_calibration_error(raw, right),
            "brier": float(((raw - right) ** 2).mean()),
        }
        figures = report["before_calibration"]
        print(
            f"before calibration: expected calibration error {figures['expected_calibration_error']:.4f}, "
            f"Brier score {figures['brier']:.4f}"
        )
    if args.plot and calibrated:
        draw_trust(graded, raw, args.plot)
        print(f"plot: {args.plot}")
    if args.reference:
        manifest = json.loads((args.repository / "manifest.json").read_text(encoding="utf-8"))
        agreement = agreement_with_reference(
            GrpcTransport(url),
            args.checkpoint,
            args.reference,
            answer_tokens=manifest["dimensions"]["answer_tokens"],
        )
        report["reference"] = asdict(agreement)
        print(
            f"{agreement.equal} of {agreement.questions} answers equal to transformers' generate, token by token; "
            f"features of {agreement.photos} photos: smallest cosine {agreement.min_cosine:.7f}"
        )
    if args.json:
        args.json.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


def accuracy_table(shares: dict[str, Share]) -> str:
    """Accuracy by kind, in all and in each language, as text."""
    lines = [f"{'kind':<14}{'all':>8}{'English':>10}{'Chinese':>10}{'asked':>8}"]
    for kind in (*KINDS, "all"):
        if kind not in shares:
            continue
        both = [shares.get(f"{kind}, {lang}" if kind != "all" else lang) for lang in ("en", "zh")]
        columns = "".join(f"{share.ratio:>10.1%}" if share else f"{'-':>10}" for share in both)
        lines.append(f"{kind:<14}{shares[kind].ratio:>8.1%}{columns}{shares[kind].asked:>8}")
    return "\n".join(lines)


def trust_table(trusts: dict[str, Trust]) -> str:
    """Confidence and verdicts, a line a language, as text."""
    lines = [
        f"{'':<6}{'asked':>7}{'ECE':>8}{'Brier':>8}{'answered':>10}{'wrong of them':>15}{'coverage':>10}"
        f"{'refused: unanswerable':>23}{'answerable':>12}"
    ]
    for name, t in trusts.items():
        lines.append(
            f"{name:<6}{t.asked:>7}{t.expected_calibration_error:>8.4f}{t.brier:>8.4f}{t.answered:>10}{t.risk:>15.2%}"
            f"{t.coverage:>10.1%}{t.unanswerable_refused:>23.2%}{t.answerable_refused:>12.2%}"
        )
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evaluation",
        description="Ask catalogue questions about photos and in wordings that were never trained on, through the "
        "client, and print how many answers are right, by kind and language.",
        epilog="example: python -m evaluation build/vitrine-small --reference 500 --json report.json",
    )
    parser.add_argument("repository", type=Path, help="a built repository; served embedded unless --url is given")
    parser.add_argument("--url", help="a server that runs already and serves this repository")
    parser.add_argument("--questions", type=int, default=2000, help="how many to ask (default: 2000)")
    parser.add_argument(
        "--first-photo", type=int, default=20_000, help="where in the test split to begin (default: 20000)"
    )
    parser.add_argument("--threads", type=int, default=2, help="photos asked about at once (default: 2)")
    parser.add_argument(
        "--reference", type=int, default=0, metavar="N", help="also compare N answers with transformers"
    )
    parser.add_argument("--checkpoint", default="checkpoints/vitrine-small", help="what transformers loads for that")
    parser.add_argument(
        "--before-calibration",
        action="store_true",
        help="also ask the decoder itself, and say how far its own probabilities could be trusted",
    )
    parser.add_argument(
        "--pointing", type=int, default=0, metavar="N", help="also see where colour questions look, on N photos"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw reliability and risk-coverage to a PNG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and every wrong answer to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
