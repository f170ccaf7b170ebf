"""Arguments of the command line `vitrine`."""

import argparse
import sys
from typing import Any, NoReturn, TypeAlias

import vitrine_client
from vitrine_client.argument_values import count, heatmap_file, question, seconds, share, vectors_file
from vitrine_client.bulk.arguments import add_bulk
from vitrine_client.commands import ask, choose, embed, explain, health, profile, read
from vitrine_client.feedback.arguments import add_feedback
from vitrine_client.product_commands import add_ask_product, add_watch
from vitrine_client.quoting import without_long_words
from vitrine_client.settings import DEFAULT_URL

Commands: TypeAlias = "argparse._SubParsersAction[Any]"


class Parser(argparse.ArgumentParser):
    """argparse's own, whose messages repeat no long argument."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, without the whole of an argument that is long, and end with 2."""
        values = [part for word in sys.argv[1:] for part in (word, word.partition("=")[2])]
        super().error(without_long_words(message, *values))


def command_line() -> Parser:
    """Make the parser. What it returns has `run`, the function of `commands.py`, and `parser`, that of the command."""
    parser = Parser(
        prog="vitrine",
        description="Ask a Vitrine server questions about product photos, in English or Chinese.",
        epilog="exit status: 0 answered or healthy; 1 a failure (said on standard error), also of one of many photos; "
        "2 what was asked for cannot be: an option's value, a missing file, a photo or question that is refused",
    )
    parser.add_argument("--version", action="version", version=vitrine_client.__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    common, keyed = _connection_arguments(), _api_key_arguments()
    _add_ask(commands, [common, keyed])
    add_ask_product(commands, [common, keyed])
    _add_choose(commands, [common, keyed])
    _add_embed(commands, [common, keyed])
    _add_read(commands, [common, keyed])
    _add_explain(commands, [common, keyed])
    add_watch(commands, [common, keyed])
    _add_profile(commands, [common])
    _add_health(commands, [common, keyed])
    add_bulk(commands, [common, keyed])
    add_feedback(commands, [common, keyed])
    return parser


def _connection_arguments() -> Parser:
    common = Parser(add_help=False)
    common.add_argument("--url", help=f"the server's gRPC address (default: $VITRINE_URL, else {DEFAULT_URL})")
    common.add_argument(
        "--timeout", type=seconds, metavar="S", help="seconds to wait (default: $VITRINE_TIMEOUT_S, else 10)"
    )
    common.add_argument("--tls-ca", metavar="PEM", help="encrypt, and trust servers that this authority has signed")
    common.add_argument("--tls-cert", metavar="PEM", help="our own certificate, where the server asks for one")
    common.add_argument("--tls-key", metavar="PEM", help="its key")
    common.add_argument("--json", action="store_true", help="print one JSON object a line, for programs")
    common.set_defaults(api_key_file=None, admin_key_file=None, questions_file=None, has_api_key=True)
    return common


def _api_key_arguments() -> Parser:
    keyed = Parser(add_help=False)
    keyed.add_argument(
        "--api-key-file",
        metavar="FILE",
        help="holds the key that a gateway asks for (else it is $VITRINE_API_KEY); needs --tls-ca",
    )
    return keyed


def _add_ask(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    ask_parser = commands.add_parser(
        "ask",
        parents=parents,
        help="ask about a photo",
        usage="vitrine ask [options] PHOTO QUESTION [QUESTION ...]\n"
        "       vitrine ask [options] --questions FILE PHOTO [PHOTO ...]",
        description="Ask one or more questions about one photo, or those of a file about many.",
        epilog='example: vitrine ask mug.jpg "What colour is the mug?" 有几个？',
    )
    ask_parser.add_argument(
        "words",
        nargs="+",
        metavar="PHOTO, QUESTION",
        help="a file, such as a JPEG, or - for standard input; then its questions, which are asked together (options "
        "go before or after them all)",
    )
    ask_parser.add_argument(
        "--questions",
        dest="questions_file",
        metavar="FILE",
        help="holds a question a line, or - for standard input; what is named beside it are photos",
    )
    ask_parser.add_argument(
        "--heatmap",
        type=heatmap_file,
        metavar="FILE",
        help="write the photo with where the first question looked",
    )
    ask_parser.add_argument(
        "--max-risk",
        type=share,
        metavar="SHARE",
        help="of wrong answers; stricter than the server's own, such as 0.001",
    )
    ask_parser.add_argument(
        "--context", metavar="TEXT", help="what the shop knows about the product; read by chat models only"
    )
    ask_parser.set_defaults(run=ask, parser=ask_parser)


def _add_choose(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    choose_parser = commands.add_parser(
        "choose",
        parents=parents,
        help="ask which of a list of answers is right",
        description="Ask one question about one photo, with the answers that are allowed.",
        epilog='example: vitrine choose mug.jpg "What colour is it?" red blue green',
    )
    choose_parser.add_argument("photo", help="a file, such as a JPEG, or - for standard input")
    choose_parser.add_argument("question", type=question)
    choose_parser.add_argument("candidate", nargs="+", help="an allowed answer; up to 256")
    choose_parser.add_argument("--max-risk", type=share, metavar="SHARE", help="as of vitrine ask")
    choose_parser.add_argument("--context", metavar="TEXT", help="as of vitrine ask")
    choose_parser.set_defaults(run=choose, parser=choose_parser)


def _add_embed(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    embed_parser = commands.add_parser(
        "embed",
        parents=parents,
        help="photos as vectors, for finding similar products",
        description="Write the vector of each photo: one JSON object a line, or the rows of a .npy file.",
        epilog="example: vitrine embed photos/*.jpg --output photos.npy",
    )
    embed_parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, or - for standard input")
    embed_parser.add_argument(
        "--output",
        type=vectors_file,
        metavar="FILE",
        help="a .npy, [photos, E] float32, a row for each photo in their order; or a .jsonl (default: JSON Lines on "
        "standard output)",
    )
    embed_parser.set_defaults(run=embed, parser=embed_parser)


def _add_read(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    read_parser = commands.add_parser(
        "read",
        parents=parents,
        help="text and codes in photos",
        description="Read lines of text, barcodes and QR codes. A line that is not sure has a question mark before it.",
        epilog="example: vitrine read label.jpg --overlay read.png",
    )
    read_parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, or - for standard input")
    read_parser.add_argument(
        "--overlay", type=heatmap_file, metavar="FILE", help="write the photo with what was read outlined"
    )
    read_parser.add_argument("--max-risk", type=share, metavar="SHARE", help="of wrong lines, before they are unsure")
    read_parser.set_defaults(run=read, parser=read_parser)


def _add_explain(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    explain_parser = commands.add_parser(
        "explain",
        parents=parents,
        help="which regions of a photo an answer depends on",
        description="Ask about the photo, and about 49 copies with one region covered each, and draw where it matters.",
        epilog='example: vitrine explain mug.jpg "What colour is it?" --overlay why.png',
    )
    explain_parser.add_argument("photo", help="a file, such as a JPEG, or - for standard input")
    explain_parser.add_argument("question", type=question)
    explain_parser.add_argument(
        "--overlay", type=heatmap_file, required=True, metavar="FILE", help="write the photo with what matters bright"
    )
    explain_parser.set_defaults(run=explain, parser=explain_parser)


def _add_profile(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    profile_parser = commands.add_parser(
        "profile",
        parents=parents,
        help="where the time of a question goes",
        description="Ask some times about a photo that the server does not know, and about one that it does, "
        "and say where the time went: here, on the way, waiting, and in each step of the server (from Triton's own "
        "statistics, so profile a server that nobody else asks, at its own port and not at a gateway).",
        epilog='example: vitrine profile mug.jpg "What colour is the mug?"',
    )
    profile_parser.add_argument("photo", help="a file, such as a JPEG, or - for standard input")
    profile_parser.add_argument("question", type=question, nargs="?", help="without one, the photo is read")
    profile_parser.add_argument("--repeat", type=count, default=10, metavar="N", help="questions of each (default: 10)")
    profile_parser.add_argument(
        "--admin-key-file", metavar="FILE", help="holds the key that the server was started with, as --admin-key-file"
    )
    profile_parser.set_defaults(run=profile, parser=profile_parser, has_api_key=False)


def _add_health(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    health_parser = commands.add_parser(
        "health",
        parents=parents,
        help="is the server there and ready?",
        description="Say whether the server takes questions.",
    )
    health_parser.set_defaults(run=health, parser=health_parser)
