"""Evaluation of a server: questions, figures of the answers, and the report."""

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
from command_line.errors import INTERRUPTED
from evaluation.accuracy import SECTION, Graded, accuracy_figures
from evaluation.agreement import agreement_with_reference, raw_probabilities
from evaluation.calibration import expected_calibration_error, trust_figures
from evaluation.explanations import explanation_figures, explanation_jobs
from evaluation.figures import Figure, figures_table
from evaluation.journal import Job, OtherRunError, Row, begin, run_jobs
from evaluation.lists import list_figures, list_jobs
from evaluation.odd_questions import odd_figures, odd_jobs
from evaluation.open_questions import grade_rows, open_question_jobs
from evaluation.options import EvaluationOptions
from evaluation.plots import accuracy_plot, confidence_plot, share_plot, trust_plot
from evaluation.pointing import pointing_figures, pointing_jobs
from evaluation.probes import probe_figures, probe_jobs
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
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings
from serving.triton.integrity import read_manifest

_TIMEOUT_S = 60.0


def evaluate(options: EvaluationOptions) -> int:
    """Ask, measure and write the report.

    Returns:
        The program's exit status.

    Raises:
        UsageError, OtherRunError: the repository, the questions or the output's folder cannot be.
        ServingError: the server did not start.
    """
    end_on_signals()
    try:
        manifest = read_manifest(options.repository) if not options.url or _is_here(options) else {}
        groups = _questions(options)
        if options.url:
            VqaClient(options.url).close()  # refuses an address that cannot be, before anything is written
        settings = options.settings()
        if options.asked.data:
            settings["data_sha256"] = sha256_of_file(options.asked.data)
        begin(options.output, {**settings, "built_at": manifest.get("built_at", options.url)})
        if options.url:
            return _evaluate(options.url, options, groups, settings)
        server_settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
        with EmbeddedServer(server_settings) as server:
            return _evaluate(server.url, options, groups, settings)
    except InvalidRequestError as error:  # such as a --url that cannot be
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (ServingError, BuildError, VitrineError, DataError, OtherRunError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on where {options.output} is", file=sys.stderr)
        return INTERRUPTED


@dataclass
class Findings:
    figures: list[Figure] = field(default_factory=list)
    plots: dict[str, bytes] = field(default_factory=dict)


def _evaluate(url: str, options: EvaluationOptions, groups: Sequence[PhotoQuestions], settings: dict[str, Any]) -> int:
    found, more = Findings(), options.more

    def rows_of(name: str, jobs: Sequence[Job]) -> list[Row]:
        return run_jobs(options.output / f"{name}.jsonl", jobs, threads=options.asked.threads)

    with VqaClient(url, timeout_s=_TIMEOUT_S) as client:
        graded = grade_rows(rows_of("questions", open_question_jobs(client, groups)))
        _add_accuracy_and_trust(found, graded, groups, url, options)
        if more.closed_list_questions:
            rows = rows_of("lists", list_jobs(client, first_questions(groups, more.closed_list_questions)))
            found.figures += list_figures(rows)
        if more.stability:
            rows = rows_of("stability", stability_jobs(client, first_questions(groups, more.stability)))
            found.figures += (stable := stability_figures(rows))
            found.plots["stability"] = share_plot(stable, f"{STABILITY.capitalize()}, with 95 % intervals")
        if more.heatmap_photos:
            jobs = pointing_jobs(client, more.heatmap_photos, first_photo=options.asked.first_photo)
            found.figures += pointing_figures(rows_of("pointing", jobs))
        if more.explanations:
            jobs = explanation_jobs(client, more.explanations, first_photo=options.asked.first_photo)
            found.figures += explanation_figures(rows_of("explanations", jobs))
        if more.odd:
            found.figures += odd_figures(
                rows_of("odd", odd_jobs(client, more.odd, first_photo=options.asked.first_photo))
            )
        if more.probes:
            jobs = probe_jobs(client, more.probes, first_photo=options.asked.first_photo)
            found.figures += probe_figures(rows_of("probes", jobs))
        if more.ood_photos is not None:
            folder = Path(more.ood_photos) if more.ood_photos else None
            rows = rows_of("unfamiliar", unfamiliar_jobs(client, folder))
            found.figures += unfamiliar_figures(rows, graded)
            found.plots["unfamiliar photos"] = confidence_plot(graded, rows)
    if more.reference:
        found.figures += _reference_figures(url, options)
    print(figures_table(found.figures).lstrip("\n"))
    served = _describe_server(options)
    write_report(
        options.output, served=served, settings=settings, figures=found.figures, plots=found.plots, graded=graded
    )
    print(f"\nreport: {options.output / HTML_FILE}")
    return 0


def _add_accuracy_and_trust(
    found: Findings, graded: Sequence[Graded], groups: Sequence[PhotoQuestions], url: str, options: EvaluationOptions
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
    if options.more.before_calibration:
        raw = np.array(raw_probabilities(GrpcTransport(url), options.repository, groups))
        right = np.array([row.right for row in graded])
        section = "trust, before calibration"
        found.figures.append(Figure(section, "expected calibration error", expected_calibration_error(raw, right)))
        found.figures.append(Figure(section, "Brier score", float(((raw - right) ** 2).mean())))
    found.plots["trust"] = trust_plot(sure, raw)


def _reference_figures(url: str, options: EvaluationOptions) -> list[Figure]:
    manifest = json.loads((options.repository / "manifest.json").read_text(encoding="utf-8"))
    agreement = agreement_with_reference(
        GrpcTransport(url),
        options.repository,
        options.more.checkpoint,
        options.more.reference,
        answer_tokens=manifest["dimensions"]["answer_tokens"],
    )
    section = "agreement with transformers"
    return [
        Figure(section, "answers equal, token by token", agreement.equal / agreement.questions, agreement.questions),
        Figure(section, f"smallest cosine of features, {agreement.photos} photos", agreement.min_cosine),
    ]


def _questions(options: EvaluationOptions) -> list[PhotoQuestions]:
    if options.asked.vqa_v2:
        groups = from_vqa_v2(*options.asked.vqa_v2)
    elif options.asked.data:
        groups = from_json_lines(options.asked.data)
    else:
        return draw_questions(options.asked.questions or 2000, first_photo=options.asked.first_photo)
    if not groups:
        raise DataError("the data holds no question")
    return first_questions(groups, options.asked.questions) if options.asked.questions else groups


def _is_here(options: EvaluationOptions) -> bool:
    return bool((options.repository / "manifest.json").exists())


def _describe_server(options: EvaluationOptions) -> dict[str, Any]:
    if options.url and not _is_here(options):
        return served_elsewhere(options.url)
    return served_from_manifest(json.loads((options.repository / "manifest.json").read_text(encoding="utf-8")))
