"""`python -m evaluation`: how far can a server's answers be trusted?"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from vitrine_client import GrpcTransport, InvalidRequestError, VitrineError, VqaClient

from builders.checkpoint.digests import sha256_of_file
from builders.errors import BuildError
from evaluation.accuracy import SECTION, Graded, accuracy_figures
from evaluation.agreement import agreement_with_reference, raw_probabilities
from evaluation.calibration import expected_calibration_error, trust_figures
from evaluation.figures import Figure, figures_table
from evaluation.journal import Job, OtherRunError, Row, begin, run_jobs
from evaluation.lists import list_figures, list_jobs
from evaluation.odd_questions import odd_figures, odd_jobs
from evaluation.open_questions import graded_from, open_question_jobs
from evaluation.plots import accuracy_plot, confidence_plot, share_plot, trust_plot
from evaluation.pointing import pointing_figures, pointing_jobs
from evaluation.questions import (
    DataError,
    PhotoQuestions,
    draw_questions,
    first_questions,
    from_json_lines,
    from_vqa_v2,
)
from evaluation.report import HTML_FILE, served_elsewhere, served_from_manifest, write_report
from evaluation.stability import SECTION as STABILITY
from evaluation.stability import stability_figures, stability_jobs
from evaluation.unfamiliar import unfamiliar_figures, unfamiliar_jobs
from serving.command_line import existing_folder, whole_number
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings
from serving.triton.integrity import read_manifest

_TIMEOUT_S = 60.0
_NOT_SETTINGS = ("output", "threads", "url")


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    if args.reference and not (Path(args.checkpoint) / "config.json").is_file():
        parser.error(
            f"--checkpoint: {args.checkpoint} is not a folder with a checkpoint, which --reference compares with"
        )
    if args.vqa_v2 and args.data:
        parser.error("--data and --vqa-v2 are two sources: name one of them")
    end_on_signals()
    try:
        manifest = read_manifest(args.repository) if not args.url or _is_here(args) else {}
        groups = _questions(args)
        if args.url:
            VqaClient(args.url).close()  # refuses an address that cannot be, before anything is written
        settings = {name: _plain(value) for name, value in vars(args).items() if name not in _NOT_SETTINGS}
        if args.data:
            settings["data_sha256"] = sha256_of_file(args.data)
        begin(args.output, {**settings, "built_at": manifest.get("built_at", args.url)})
        if args.url:
            return _evaluate(args.url, args, groups, settings)
        server_settings = ServerSettings(args.repository, grpc_port=0, metrics_port=None)
        with EmbeddedServer(server_settings) as server:
            return _evaluate(server.url, args, groups, settings)
    except InvalidRequestError as error:  # such as a --url that cannot be
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (ServingError, BuildError, VitrineError, DataError, OtherRunError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on where {args.output} is", file=sys.stderr)
        return 130


@dataclass
class Findings:
    figures: list[Figure] = field(default_factory=list)
    plots: dict[str, bytes] = field(default_factory=dict)


def _evaluate(url: str, args: argparse.Namespace, groups: Sequence[PhotoQuestions], settings: dict[str, Any]) -> int:
    found = Findings()

    def rows_of(name: str, jobs: Sequence[Job]) -> list[Row]:
        return run_jobs(args.output / f"{name}.jsonl", jobs, threads=args.threads)

    with VqaClient(url, timeout_s=_TIMEOUT_S) as client:
        graded = graded_from(rows_of("questions", open_question_jobs(client, groups)))
        _add_accuracy_and_trust(found, graded, groups, url, args)
        if args.lists:
            rows = rows_of("lists", list_jobs(client, first_questions(groups, args.lists)))
            found.figures += list_figures(rows)
        if args.stability:
            rows = rows_of("stability", stability_jobs(client, first_questions(groups, args.stability)))
            found.figures += (stable := stability_figures(rows))
            found.plots["stability"] = share_plot(stable, f"{STABILITY.capitalize()}, with 95 % intervals")
        if args.pointing:
            jobs = pointing_jobs(client, args.pointing, first_photo=args.first_photo)
            found.figures += pointing_figures(rows_of("pointing", jobs))
        if args.odd:
            found.figures += odd_figures(rows_of("odd", odd_jobs(client, args.odd, first_photo=args.first_photo)))
        if args.unfamiliar is not None:
            folder = Path(args.unfamiliar) if args.unfamiliar else None
            rows = rows_of("unfamiliar", unfamiliar_jobs(client, folder))
            found.figures += unfamiliar_figures(rows, graded)
            found.plots["unfamiliar photos"] = confidence_plot(graded, rows)
    if args.reference:
        found.figures += _reference_figures(url, args)
    print(figures_table(found.figures).lstrip("\n"))
    served = _served(args)
    write_report(args.output, served=served, settings=settings, figures=found.figures, plots=found.plots, graded=graded)
    print(f"\nreport: {args.output / HTML_FILE}")
    return 0


def _add_accuracy_and_trust(
    found: Findings, graded: Sequence[Graded], groups: Sequence[PhotoQuestions], url: str, args: argparse.Namespace
) -> None:
    found.figures += (accuracy := accuracy_figures(graded))
    kinds = list(dict.fromkeys(row.kind for row in graded))
    if any(figure.section == SECTION for figure in accuracy) and len(kinds) > 1:
        found.plots["accuracy"] = accuracy_plot(accuracy, kinds)
    sure = [row for row in graded if row.confidence is not None]
    if not sure:
        print("this server is uncalibrated: its answers carry no confidence")
        return
    found.figures += trust_figures(sure)
    raw = None
    if args.before_calibration:
        raw = np.array(raw_probabilities(GrpcTransport(url), groups))
        right = np.array([row.right for row in graded])
        section = "trust, before calibration"
        found.figures.append(Figure(section, "expected calibration error", expected_calibration_error(raw, right)))
        found.figures.append(Figure(section, "Brier score", float(((raw - right) ** 2).mean())))
    found.plots["trust"] = trust_plot(sure, raw)


def _reference_figures(url: str, args: argparse.Namespace) -> list[Figure]:
    manifest = json.loads((args.repository / "manifest.json").read_text(encoding="utf-8"))
    agreement = agreement_with_reference(
        GrpcTransport(url), args.checkpoint, args.reference, answer_tokens=manifest["dimensions"]["answer_tokens"]
    )
    section = "agreement with transformers"
    return [
        Figure(section, "answers equal, token by token", agreement.equal / agreement.questions, agreement.questions),
        Figure(section, f"smallest cosine of features, {agreement.photos} photos", agreement.min_cosine),
    ]


def _questions(args: argparse.Namespace) -> list[PhotoQuestions]:
    if args.vqa_v2:
        groups = from_vqa_v2(*args.vqa_v2)
    elif args.data:
        groups = from_json_lines(args.data)
    else:
        return draw_questions(args.questions or 2000, first_photo=args.first_photo)
    if not groups:
        raise DataError("the data holds no question")
    return first_questions(groups, args.questions) if args.questions else groups


def _is_here(args: argparse.Namespace) -> bool:
    return bool((args.repository / "manifest.json").exists())


def _served(args: argparse.Namespace) -> dict[str, Any]:
    if args.url and not _is_here(args):
        return served_elsewhere(args.url)
    return served_from_manifest(json.loads((args.repository / "manifest.json").read_text(encoding="utf-8")))


def _folder(text: str) -> str:
    return str(existing_folder(text)) if text else ""


def _plain(value: Any) -> Any:
    """As JSON takes it."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evaluation",
        description="Ask questions with known answers through the client, and report how right the answers are, how "
        "far their confidence can be trusted, and what changes them. Writes report.html and report.json; stopped and "
        "started again with the same --output, it goes on where it was.",
        epilog="examples: python -m evaluation build/vitrine-small --output build/evaluation --questions 6006 "
        "--lists 3000 --stability 700;  python -m evaluation build/blip-base --output vqa --vqa-v2 v2_questions.json "
        "v2_annotations.json val2014/;  python -m evaluation.compare OLD NEW",
    )
    parser.add_argument("repository", type=Path, help="a built repository; served embedded unless --url is given")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="for the report, and to go on in")
    parser.add_argument("--url", help="a server that runs already and serves this repository")
    source = parser.add_argument_group(
        "what is asked", "by default, photos and wordings of the catalogue, never trained on"
    )
    source.add_argument(
        "--questions", type=whole_number(1), metavar="N", help="how many (default: 2000 drawn, or all of the data)"
    )
    source.add_argument(
        "--data", type=Path, metavar="FILE", help='JSON Lines of {"photo": PATH, "question": TEXT, "answer": TEXT}'
    )
    source.add_argument(
        "--vqa-v2",
        type=Path,
        nargs=3,
        metavar=("QUESTIONS", "ANNOTATIONS", "PHOTOS"),
        help="files of the VQA v2 challenge",
    )
    source.add_argument(
        "--first-photo",
        type=whole_number(0),
        default=20_000,
        metavar="N",
        help="drawn: where to begin (default: 20000)",
    )
    source.add_argument(
        "--threads", type=whole_number(1), default=2, metavar="N", help="photos asked about at once (default: 2)"
    )
    more = parser.add_argument_group("what else is measured")
    more.add_argument(
        "--lists", type=whole_number(0), default=0, metavar="N", help="closed lists, on the photos of N questions"
    )
    more.add_argument(
        "--stability",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="changed photos and other words, on the photos of N questions",
    )
    more.add_argument(
        "--pointing", type=whole_number(0), default=0, metavar="N", help="where questions look, on N drawn photos"
    )
    more.add_argument(
        "--odd",
        type=int,
        default=0,
        metavar="N",
        help="short and colloquial questions, and texts that are no question, on N drawn photos",
    )
    more.add_argument(
        "--unfamiliar",
        nargs="?",
        type=_folder,
        const="",
        metavar="FOLDER",
        help="photos that the model knows nothing of (default: those that scikit-image brings), noise, blank pictures",
    )
    more.add_argument(
        "--before-calibration", action="store_true", help="how far the decoder's own probabilities could be trusted"
    )
    more.add_argument(
        "--reference", type=whole_number(0), default=0, metavar="N", help="compare N answers with transformers"
    )
    more.add_argument("--checkpoint", default="checkpoints/vitrine-small", help="what transformers loads for that")
    return parser


if __name__ == "__main__":
    sys.exit(main())
