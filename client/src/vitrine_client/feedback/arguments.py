"""Arguments of `vitrine feedback`."""

import argparse
import os
from typing import Any

from vitrine_client.argument_values import answer, count, days, question

STORE = "sqlite:///feedback.db"


def add_feedback(commands: Any, connection: list[argparse.ArgumentParser]) -> None:
    """Add the command and its own commands to a parser's.

    Args:
        connection: parsers of the options that name a server.
    """
    feedback_parser = commands.add_parser(
        "feedback",
        help="questions for people, and their answers",
        description="Keep questions that the model handed over or got wrong, answer them, export what it learns.",
        epilog="example: vitrine feedback add mug.jpg 'What is printed on it?' --keep-days 90",
    )
    actions = feedback_parser.add_subparsers(dest="action", required=True)
    store = _store_arguments(type(feedback_parser))
    _add_add(actions, [store, *connection])
    _add_list(actions, [store])
    _add_next(actions, [store])
    _add_answer(actions, [store])
    _add_export(actions, [store])
    _add_forget(actions, [store])


def _store_arguments(parser_class: Any) -> argparse.ArgumentParser:
    store: argparse.ArgumentParser = parser_class(add_help=False)
    store.add_argument(
        "--store",
        default=os.environ.get("VITRINE_FEEDBACK", STORE),
        metavar="URL",
        help=f"where questions are: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME (default: "
        f"$VITRINE_FEEDBACK, where a password is safe, else {STORE})",
    )
    store.add_argument(
        "--photos",
        metavar="FOLDER",
        help="where kept photos are, of this store alone (default: beside a SQLite file, such as feedback-photos)",
    )
    return store


def _program(name: str) -> Any:
    """Make the function that runs a command: what it imports is needed by that command alone."""

    def run(args: argparse.Namespace) -> int:
        from vitrine_client.extras import package

        package("sqlalchemy", "feedback")
        status: int = getattr(package("vitrine_client.feedback.commands", "feedback"), name)(args)
        return status

    return run


def _add_add(actions: Any, parents: list[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "add",
        parents=parents,
        help="ask the server, and a person where it hands over",
        description="Ask the server. Where it hands over, cannot tell, or is said to be wrong, keep the question.",
        epilog="example: vitrine feedback add mug.jpg 'What is printed on it?' --right 'a crown' --keep-days 90",
    )
    parser.add_argument("photo", help="a file, such as a JPEG, or - for standard input")
    parser.add_argument("question", type=question)
    parser.add_argument("--product", default="", metavar="NAME", help="what the photo shows, such as a SKU")
    parser.add_argument("--wrong", dest="is_wrong", action="store_true", help="keep it although it was answered")
    parser.add_argument("--right", type=answer, metavar="ANSWER", help="what is right, where that is known already")
    parser.add_argument("--by", default="", metavar="WHO", help="who says so")
    parser.add_argument(
        "--keep-days", type=days, metavar="DAYS", help="keep the photo so long; without it, only its digest is kept"
    )
    parser.set_defaults(run=_program("add"), parser=parser)


def _add_list(actions: Any, parents: list[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "list", parents=parents, help="show questions", description="Show questions, the oldest first."
    )
    parser.add_argument("--state", choices=("open", "answered", "dismissed"), help="only these")
    parser.add_argument("--product", metavar="NAME", help="only of this one")
    _add_json(parser)
    parser.set_defaults(run=_program("show"), parser=parser, first=None)


def _add_next(actions: Any, parents: list[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "next",
        parents=parents,
        help="show what to answer first",
        description="Show open questions that teach most: where the model is least sure, about photos that are unlike.",
    )
    parser.add_argument("first", type=count, nargs="?", default=10, metavar="COUNT", help="of questions (default: 10)")
    _add_json(parser)
    parser.set_defaults(run=_program("show"), parser=parser, state="open", product=None)


def _add_answer(actions: Any, parents: list[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "answer", parents=parents, help="answer a question", description="Say what is right, or dismiss the question."
    )
    parser.add_argument("id", type=count, help="of the question, as listed")
    parser.add_argument("text", nargs="?", metavar="ANSWER")
    parser.add_argument("--dismiss", action="store_true", help="nobody shall answer it")
    parser.add_argument("--by", default="", metavar="WHO", help="who answers")
    parser.set_defaults(run=_program("answer"), parser=parser, json=False)


def _add_export(actions: Any, parents: list[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "export",
        parents=parents,
        help="write what the model can learn",
        description="Write answered questions with their photos, for `python -m training tune --data`.",
    )
    parser.add_argument("folder", help="is given questions.jsonl and photos/")
    parser.set_defaults(run=_program("export"), parser=parser, json=False)


def _add_forget(actions: Any, parents: list[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "forget",
        parents=parents,
        help="remove questions and photos for good",
        description="Remove all about a photo, a product or a buyer, rows and files, and photos whose time is over. "
        "Exports are copies: make them anew. Exit status 1: there was nothing.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--photo-sha256", metavar="DIGEST", help="of the photo's bytes, in hexadecimal")
    which.add_argument("--product", metavar="NAME")
    which.add_argument("--buyer", metavar="NAME", help="as the desk was told")
    which.add_argument("--expired", action="store_true", help="only photos whose time has run out")
    parser.set_defaults(run=_program("forget"), parser=parser, json=False)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, for programs")
