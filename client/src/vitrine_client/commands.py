"""Commands of `vitrine`, once it is known what was meant. Each returns the exit status."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from vitrine_client.breakdown import breakdown_table, measure_breakdown
from vitrine_client.client import VqaClient
from vitrine_client.errors import (
    AccessDeniedError,
    InvalidPhotoError,
    ServerUnavailableError,
    VitrineError,
)
from vitrine_client.lines import as_json, question_line, reading_lines, row_as_json, verdict_line
from vitrine_client.photos import Photo, bytes_from_photo
from vitrine_client.progress import Counter
from vitrine_client.quoting import short_name
from vitrine_client.reading import Reading
from vitrine_client.results import Answer
from vitrine_client.transport import GrpcTransport

if TYPE_CHECKING:
    from vitrine_client.occlusion import OcclusionMap

Result = TypeVar("Result")
_AT_ONCE = 4
"""Photos that are under way at any time."""
_ENDS_ALL = (ServerUnavailableError, AccessDeniedError)
"""No photo's fault: the others would fail as well."""


def ask(args: argparse.Namespace) -> int:
    def ask_all(client: VqaClient, photo: Photo) -> list[Answer]:
        return client.ask_many(photo, args.questions, context=args.context, max_risk=args.max_risk)

    failures = 0
    with client_of(args) as client, Counter(len(args.photos), "photos") as counter:
        if len(args.photos) == 1:
            return _ask_one(client, args)
        for name, answers, time_ms in _map_photos(client, args.photos, ask_all, counter):
            with counter.hidden():
                if isinstance(answers, VitrineError):
                    failures += 1
                    _print_failure(name, answers, args)
                    continue
                if not args.json:
                    print(short_name(name))
                for question, answer in zip(args.questions, answers, strict=True):
                    line = (
                        row_as_json(name, question, answer, time_ms)
                        if args.json
                        else f"  {question_line(question, answer)}"
                    )
                    print(line)
    return 1 if failures else 0


def _ask_one(client: VqaClient, args: argparse.Namespace) -> int:
    name, photo = args.photos[0], photo_named(args.photos[0])
    if args.heatmap:
        _require_another_file(args.heatmap, name, "--heatmap", args)
    start_s = time.perf_counter()
    answers = client.ask_many(photo, args.questions, context=args.context, max_risk=args.max_risk)
    time_ms = (time.perf_counter() - start_s) * 1000
    for question, answer in zip(args.questions, answers, strict=True):
        print(row_as_json(name, question, answer, time_ms) if args.json else verdict_line(answer))
    if not args.json:
        together = f" for {len(answers)} questions together" if len(answers) > 1 else ""
        print(f"{time_ms:.0f} ms{together}", file=sys.stderr)
    if args.heatmap:
        _write_overlay(answers[0], photo, args.heatmap, "--heatmap")
    return 0


def choose(args: argparse.Namespace) -> int:
    photo = photo_named(args.photo)
    with client_of(args) as client:
        start_s = time.perf_counter()
        choice = client.choose(photo, args.question, args.candidate, context=args.context, max_risk=args.max_risk)
        time_ms = (time.perf_counter() - start_s) * 1000
    if args.json:
        print(row_as_json(args.photo, args.question, choice, time_ms))
        return 0
    print(verdict_line(choice))
    print("shares within this list, 100% together:")
    for text, probability in sorted(choice.probabilities.items(), key=lambda item: -item[1]):
        print(f"{probability:8.2%}  {text}")
    return 0


def embed(args: argparse.Namespace) -> int:
    lines: list[str] = []
    vectors: list[Any] = []
    failures = 0
    is_written_at_end = args.output is not None
    with client_of(args) as client, Counter(len(args.photos), "photos") as counter:
        for name, embedding, time_ms in _map_photos(client, args.photos, VqaClient.embed, counter):
            with counter.hidden():
                if isinstance(embedding, VitrineError):
                    failures += 1
                    _print_failure(name, embedding, args)
                    continue
                if is_written_at_end and args.output.endswith(".npy"):
                    vectors.append(embedding.vector)
                    continue
                line = as_json({"photo": name, **embedding.to_dict(), "time_ms": round(time_ms, 1)})
                if is_written_at_end:
                    lines.append(line + "\n")
                else:
                    print(line)
    if failures and is_written_at_end and args.output.endswith(".npy"):
        print(
            f"vitrine: {short_name(args.output)} is not written: its rows would not be those photos'", file=sys.stderr
        )
    elif is_written_at_end:
        _write_vectors(args.output, vectors, lines)
    return 1 if failures else 0


def read(args: argparse.Namespace) -> int:
    def read_one(client: VqaClient, photo: Photo) -> Reading:
        return client.read(photo, max_risk=args.max_risk)

    if args.overlay and (len(args.photos) > 1 or args.photos[0] == "-"):
        args.parser.error("--overlay shows one photo, which is a file")
    if args.overlay:
        _require_another_file(args.overlay, args.photos[0], "--overlay", args)
    failures = 0
    with client_of(args) as client, Counter(len(args.photos), "photos") as counter:
        for name, reading, time_ms in _map_photos(client, args.photos, read_one, counter):
            with counter.hidden():
                if isinstance(reading, VitrineError):
                    failures += 1
                    _print_failure(name, reading, args)
                    continue
                if args.overlay:
                    _write_overlay(reading, name, args.overlay, "--overlay")
                if args.json:
                    print(as_json({"photo": name, **reading.to_dict(), "time_ms": round(time_ms, 1)}))
                    continue
                if len(args.photos) > 1:
                    print(short_name(name))
                print("\n".join(reading_lines(reading)))
    return 1 if failures else 0


def explain(args: argparse.Namespace) -> int:
    from vitrine_client.occlusion import explain as explain_answer

    photo = photo_named(args.photo)
    _require_another_file(args.overlay, args.photo, "--overlay", args)
    with client_of(args) as client:
        found = explain_answer(client, photo, args.question)
    if args.json:
        print(as_json({"question": args.question, **found.answer.to_dict(), "drops": found.drops.tolist()}))
    else:
        print(verdict_line(found.answer))
    _write_overlay(found, photo, args.overlay, "--overlay")
    return 0


def profile(args: argparse.Namespace) -> int:
    new, known = measure_breakdown(
        photo_named(args.photo),
        args.question,
        url=args.connection["url"],
        tls=args.tls,
        admin_key=args.admin_key,
        repeat=args.repeat,
        timeout_s=args.timeout,
    )
    print(
        json.dumps({"new_photo": asdict(new), "known_photo": asdict(known)})
        if args.json
        else breakdown_table(new, known)
    )
    return 0


def health(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        found = client.health(timeout_s=args.timeout)
    if args.json:
        print(as_json(found.to_dict()))
    else:
        version = "unknown" if found.contract_version is None else found.contract_version
        print(f"live: {found.live}, ready: {found.ready}, model vqa loaded: {found.model_ready}, contract: {version}")
    if found.contract_problem:
        print(f"vitrine: {found.contract_problem}", file=sys.stderr)
    return 0 if found.model_ready and not found.contract_problem else 1


def client_of(args: argparse.Namespace) -> VqaClient:
    return VqaClient(transport=GrpcTransport(**args.connection), timeout_s=args.timeout)


def photo_named(name: str) -> Photo:
    """Return the path that was named; for "-" the bytes of standard input, which can be read once only."""
    return bytes_from_photo(sys.stdin.buffer) if name == "-" else name


def _map_photos(
    client: VqaClient, names: list[str], call: Callable[[VqaClient, Photo], Result], counter: Counter
) -> Iterator[tuple[str, Result | VitrineError, float]]:
    """Call for some photos at a time; yield the name of each in its order, what came of it, and the milliseconds.

    Raises:
        VitrineError: one that would come for the others, too, or of the only photo.
    """

    def time_call(name: str) -> tuple[str, Result | VitrineError, float]:
        start_s = time.perf_counter()
        try:
            result: Result | VitrineError = call(client, photo_named(name))
        except _ENDS_ALL:
            raise
        except VitrineError as error:
            if len(names) == 1:
                raise
            result = error
        counter.count()
        return name, result, (time.perf_counter() - start_s) * 1000

    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        yield from pool.map(time_call, names)
    finally:  # where the reader has gone, those that are not sent yet stay so
        pool.shutdown(wait=False, cancel_futures=True)


def _print_failure(name: str, error: VitrineError, args: argparse.Namespace) -> None:
    if args.json:
        fields = {field: getattr(error, field) or None for field in ("code", "model", "request_id")}
        print(as_json({"photo": name, "error": error.message, **fields}))
    print(f"vitrine: {short_name(name)}: {error}", file=sys.stderr)


def _write_overlay(result: "Answer | Reading | OcclusionMap", photo: Photo, file: str, option: str) -> None:
    try:
        result.overlay(photo).save(file)
    except InvalidPhotoError as error:  # the server could read it
        raise VitrineError(f"{option}: {error.message}") from error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "no name of a picture"
        raise VitrineError(
            f"{option}: cannot write {short_name(file)} ({reason}): name a .png or .jpg in a folder"
        ) from error


def _require_another_file(file: str, photo: str, option: str, args: argparse.Namespace) -> None:
    if Path(file).exists() and Path(photo).exists() and Path(file).samefile(photo):
        args.parser.error(f"{option}: {short_name(file)} is the photo itself: name another file")


def _write_vectors(file: str, vectors: list[Any], lines: list[str]) -> None:
    try:
        with Path(file).open("wb") as output:
            if file.endswith(".npy"):
                np.save(output, np.stack(vectors))
            else:
                output.write("".join(lines).encode())
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "a null byte"
        raise VitrineError(f"--output: cannot write {short_name(file)}: {reason}") from error
