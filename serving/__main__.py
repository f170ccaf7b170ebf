"""`python -m serving`: serve a built repository."""

import argparse
import ipaddress
import sys
import time
from contextlib import suppress
from pathlib import Path

from serving.command_line import exit_status, whole_number
from serving.door.process import require_door
from serving.errors import ServingError
from serving.ready_file import addresses_of, remove_ready_file, write_ready_file
from serving.supervision.server import READY_TIMEOUT_S, EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.supervision.supervisor import serve_until_signal
from serving.triton.cache_capacity import bytes_per_cached_photo
from serving.triton.command import DEFAULT_CACHE_MIB, ServerSettings
from serving.triton.log import say
from serving.triton.ports import ipv4_address


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    if args.open_administration and not ipaddress.ip_address(ipv4_address(args.host)).is_loopback:
        parser.error(f"--open-administration is for this machine only, not for --host {args.host}")
    end_on_signals()
    try:
        require_door(args.host, not args.no_door)
    except ServingError as error:
        parser.error(str(error))
    settings = ServerSettings(
        repository=args.repository,
        host=args.host,
        grpc_port=args.grpc_port,
        http_port=args.http_port,
        metrics_port=None if args.no_metrics else args.metrics_port,
        cache_mib=args.cache_mib,
        log_file=args.log_file,
        trace_url=args.trace_url,
        admin_key_file=args.admin_key_file,
        open_administration=args.open_administration,
        door=not args.no_door,
    )
    start_s = time.perf_counter()
    try:
        if args.ready_file:
            remove_ready_file(args.ready_file)
        server = EmbeddedServer(settings, ready_timeout_s=args.ready_timeout)
    except ServingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status

    def announce() -> None:
        if args.ready_file:
            write_ready_file(args.ready_file, addresses_of(server.settings, server.url))
        _say_addresses(server, time.perf_counter() - start_s)

    try:
        return serve_until_signal(server, announce)
    finally:
        if args.ready_file:
            with suppress(OSError):
                args.ready_file.unlink()


def _say_addresses(server: EmbeddedServer, ready_s: float) -> None:
    settings = server.settings
    per_photo = bytes_per_cached_photo(settings.repository)
    photos = settings.cache_mib * 2**20 // per_photo
    host = settings.host
    url = "" if settings.grpc_port == ServerSettings.grpc_port else f" --url {server.url}"
    lines = [
        f"ready in {ready_s:.1f} s, serving {settings.repository}",
        f"  gRPC     {host}:{settings.grpc_port}",
        None if settings.http_port is None else f"  HTTP     http://{host}:{settings.http_port}",
        None if settings.metrics_port is None else f"  metrics  http://{host}:{settings.metrics_port}/metrics",
        f"  cache    {settings.cache_mib} MiB, the features of {photos:,} photos ({per_photo / 1024:.0f} KiB each)",
        f"  log      {settings.log_file}",
        f'ask: vitrine ask PHOTO "What colour is it?"{url}      stop: Ctrl-C',
    ]
    say("\n".join(filter(None, lines)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving",
        description="Serve a built repository under the real Triton of the nvidia-pytriton wheel: no GPU, no Docker. "
        "Says the addresses once a real question has been answered. A step that dies or hangs is noticed, and the "
        "server restarted. On Ctrl-C or SIGTERM what was accepted is answered first; a second one ends at once.",
        epilog="example: python -m serving build/vitrine-small --grpc-port 0",
    )
    parser.add_argument("repository", type=Path, help="a repository that `python -m builders` wrote")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument(
        "--no-door",
        action="store_true",
        help="Triton itself listens, without Envoy in front, which keeps out requests that end it; on 127.0.0.1 only",
    )
    parser.add_argument(
        "--grpc-port", type=int, default=8001, metavar="PORT", help="default: 8001; 0 takes any free one"
    )
    parser.add_argument(
        "--http-port", type=int, metavar="PORT", help="serve HTTP too (default: no HTTP); 0 takes any free one"
    )
    parser.add_argument(
        "--metrics-port", type=int, default=8002, metavar="PORT", help="default: 8002; 0 takes any free one"
    )
    parser.add_argument("--no-metrics", action="store_true", help="no metrics endpoint")
    parser.add_argument(
        "--cache-mib",
        type=whole_number(1),
        default=DEFAULT_CACHE_MIB,
        metavar="N",
        help=f"memory for photos' features (default: {DEFAULT_CACHE_MIB})",
    )
    parser.add_argument(
        "--trace-url",
        metavar="URL",
        help="send spans of requests whose callers trace them there (OTLP over HTTP), such as "
        "http://localhost:4318/v1/traces",
    )
    parser.add_argument(
        "--admin-key-file",
        type=Path,
        metavar="FILE",
        help="open statistics, traces, logging, model control and shared memory to callers with the key in this file "
        "(default: closed to all)",
    )
    parser.add_argument(
        "--open-administration",
        action="store_true",
        help="the same without a key, on this machine only: for tools that can show none, such as perf_analyzer",
    )
    parser.add_argument(
        "--ready-timeout",
        type=float,
        default=READY_TIMEOUT_S,
        metavar="S",
        help=f"how long the models may take to load and to answer a first question (default: {READY_TIMEOUT_S:g})",
    )
    parser.add_argument(
        "--log-file", type=Path, help="Triton's log, emptied at the start (default: beside the repository)"
    )
    parser.add_argument(
        "--ready-file",
        type=Path,
        metavar="FILE",
        help="written, as JSON for other programs, once a real question has been answered: the addresses and the "
        "process's id; removed at the end",
    )
    return parser


if __name__ == "__main__":
    sys.exit(exit_status(main))
