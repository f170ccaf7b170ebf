"""Runs one server, from its options to the signal that ends it."""

import time
from contextlib import suppress

from serving.door.process import require_door
from serving.errors import ServingError, UsageError
from serving.options import ServeOptions
from serving.ready_file import addresses_of, remove_ready_file, write_ready_file
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.supervision.supervisor import serve_until_signal
from serving.triton.cache_capacity import bytes_per_cached_photo
from serving.triton.command import ServerSettings
from serving.triton.log import say


def serve(options: ServeOptions) -> int:
    """Serve until a signal comes.

    Returns:
        The program's exit status.

    Raises:
        ServingError: the server did not start; `UsageError` where what was asked for cannot be.
    """
    end_on_signals()
    try:
        require_door(options.host, not options.no_door)
    except ServingError as error:
        raise UsageError(str(error)) from error
    start_s = time.perf_counter()
    if options.ready_file:
        remove_ready_file(options.ready_file)
    server = EmbeddedServer(_settings(options), ready_timeout_s=options.ready_timeout)

    def announce() -> None:
        if options.ready_file:
            write_ready_file(options.ready_file, addresses_of(server.settings, server.url))
        _say_addresses(server, time.perf_counter() - start_s)

    try:
        return serve_until_signal(server, announce)
    finally:
        if options.ready_file:
            with suppress(OSError):
                options.ready_file.unlink()


def _settings(options: ServeOptions) -> ServerSettings:
    return ServerSettings(
        repository=options.repository,
        host=options.host,
        grpc_port=options.grpc_port,
        http_port=options.http_port,
        metrics_port=None if options.no_metrics else options.metrics_port,
        cache_mib=options.cache_mib,
        log_file=options.log_file,
        trace_url=options.trace_url,
        admin_key_file=options.admin_key_file,
        open_administration=options.open_administration,
        door=not options.no_door,
    )


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
