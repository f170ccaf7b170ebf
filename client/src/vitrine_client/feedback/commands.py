"""Commands of `vitrine feedback`. Each returns the exit status."""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vitrine_client.client import VqaClient
from vitrine_client.errors import InvalidRequestError, VitrineError
from vitrine_client.feedback.selection import label_first
from vitrine_client.feedback.store import FeedbackStore
from vitrine_client.feedback.table import Item
from vitrine_client.lines import as_json, printable, verdict_line
from vitrine_client.photos import bytes_from_photo
from vitrine_client.quoting import short_name
from vitrine_client.transport import GrpcTransport

_PHOTOS = "photos"


def add(args: argparse.Namespace) -> int:
    photo = bytes_from_photo(sys.stdin.buffer if args.photo == "-" else args.photo)
    with VqaClient(transport=GrpcTransport(**args.connection), timeout_s=args.timeout) as client:
        answer = client.ask(photo, args.question)
        is_kept = answer.status != "answered" or args.is_wrong or args.right is not None
        vector = client.embed(photo).vector if is_kept else None
    number = None
    if is_kept:
        with _store(args, is_new=True) as store:
            number = store.add(
                photo, args.question, answer, product=args.product, keep_days=args.keep_days, vector=vector
            )
            if args.right is not None:
                store.answer(number, args.right, by=args.by)
    if args.json:
        print(as_json({"id": number, **answer.to_dict()}))
    else:
        print(f"{verdict_line(answer)}: " + ("nothing to ask people" if number is None else f"question {number}"))
    return 0


def show(args: argparse.Namespace) -> int:
    with _store(args) as store:
        items = store.items(args.state, product=args.product)
    found = items if args.first is None else label_first(items, args.first)
    for item in found:
        print(as_json(item.to_dict()) if args.json else _line(item))
    if not args.json:
        print(f"{len(found)} of {len(items)} questions", file=sys.stderr)
    return 0


def answer(args: argparse.Namespace) -> int:
    if args.dismiss == (args.text is not None):
        came = "an answer and --dismiss came" if args.dismiss else "no answer came"
        raise InvalidRequestError(f"{came}: say what is right, or --dismiss the question")
    with _store(args) as store:
        if args.dismiss:
            store.dismiss(args.id, by=args.by)
        else:
            store.answer(args.id, args.text, by=args.by)
    return 0


def export(args: argparse.Namespace) -> int:
    with _store(args) as store:
        store.remove_expired()
        items = store.items("answered")
    folder, kept = Path(args.folder), list[Item]()
    try:
        (folder / _PHOTOS).mkdir(parents=True, exist_ok=True)
        for item in items:
            if item.photo_file is not None:
                with suppress(FileNotFoundError):  # it has just been forgotten
                    shutil.copyfile(item.photo_file, folder / _PHOTOS / item.photo_sha256)
                    kept.append(item)
        wanted = {item.photo_sha256 for item in kept}
        for file in (folder / _PHOTOS).iterdir():
            if re.fullmatch(r"[0-9a-f]{64}", file.name) and file.name not in wanted:
                file.unlink()  # of an earlier export, and forgotten since
        partial = folder / "questions.jsonl.partial"
        partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _training_rows(kept)), "utf-8")
        partial.rename(folder / "questions.jsonl")
    except OSError as error:
        raise VitrineError(f"cannot write to {short_name(args.folder)}: {error.strerror}") from error
    without = len(items) - len(kept)
    left_out = f"; {without} whose photos were not kept are left out" if without else ""
    print(f"{len(kept)} questions in {short_name(str(folder / 'questions.jsonl'))}{left_out}", file=sys.stderr)
    return 0


def forget(args: argparse.Namespace) -> int:
    with _store(args) as store:
        photos = store.remove_expired()
        if args.expired:
            print(f"{photos} photos removed", file=sys.stderr)
            return 0
        count = store.forget(photo_sha256=args.photo_sha256, product=args.product, buyer=args.buyer)
    print(f"{count} questions removed", file=sys.stderr)
    return 0 if count else 1


def _store(args: argparse.Namespace, *, is_new: bool = False) -> FeedbackStore:
    """Open the store; kept photos of SQLite lie beside its file, unless a folder is named.

    Args:
        is_new: whether there may be none yet.

    Raises:
        InvalidRequestError: there is none.
    """
    kind, _, file = args.store.partition(":///")
    if kind == "sqlite" and not is_new and not Path(file.partition("?")[0]).is_file():
        raise InvalidRequestError(f"--store: there is no database {short_name(file)}: vitrine feedback add makes it")
    beside = f"{file.partition('?')[0].removesuffix('.db') if kind == 'sqlite' else 'feedback'}-photos"
    return FeedbackStore(args.store, photos=Path(args.photos or beside))


def _line(item: Item) -> str:
    sure = "uncalibrated" if item.confidence is None else f"{item.confidence:.3f}"
    said = f"said: {item.said or '(nothing)'} ({item.status}, {sure})"
    right = f"  right: {item.answer}" if item.answer else ""
    return printable(f"{item.id:>6}  {item.state:<10}{item.question}  {said}{right}")


def _training_rows(items: Sequence[Item]) -> list[dict[str, str | None]]:
    """Lines of labelled data, with "feedback" as their kind; all about one photo are of one product."""
    products: dict[str, str] = {}
    for item in items:
        products[item.photo_sha256] = products.get(item.photo_sha256) or item.product
    return [
        {
            "photo": f"{_PHOTOS}/{item.photo_sha256}",
            "question": item.question,
            "answer": item.answer,
            "product": products[item.photo_sha256] or item.photo_sha256,
            "kind": "feedback",
        }
        for item in items
    ]
