"""`python -m desk`: start, serve, and end without losing what was accepted."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import start_http_server
from starlette.formparsers import MultiPartParser
from vitrine_client import AsyncVqaClient, VitrineError
from vitrine_client.feedback.store import FeedbackStore
from vitrine_client.photos import MAX_BYTES

from command_line.errors import UsageError
from desk.app import desk_app
from desk.context import Desk
from desk.hooks import WebHooks, web_hooks_in
from desk.inbox import Inbox
from desk.keys import OPEN_SHOP, shops_in
from desk.knowledge import Knowledge
from desk.limits import ShopLimits
from desk.options import DeskOptions
from shop.facts.rules import read_shop_rules
from shop.products.store import ProductStore

_DRAIN_S = 20


def serve_desk(options: DeskOptions) -> int:
    """Serve until a signal. Returns the exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    MultiPartParser.spool_max_size = MAX_BYTES + 1  # photos stay in memory
    shops = shops_in(options.keys) if options.keys else None
    addresses = web_hooks_in(options.web_hooks) if options.web_hooks else {}
    if unknown := sorted(set(addresses) - set((shops or {b"": OPEN_SHOP}).values())):
        raise UsageError(f"--web-hooks: there is no shop {unknown[0]!r}; without --keys its name is ''")
    try:
        store = FeedbackStore(
            options.store or os.environ.get("VITRINE_FEEDBACK", "sqlite:///desk.db"), photos=options.photos, waits=True
        )
    except VitrineError as error:
        raise UsageError(f"--store: {error.message}") from error
    try:
        with ExitStack() as stack:
            url = options.url or _embedded(options.repository, stack)
            stack.enter_context(store)
            desk = Desk(
                AsyncVqaClient(url, timeout_s=options.timeout_s),
                Inbox(store, keep_days=options.keep_days),
                ShopLimits(options.rate, options.under_way),
                shops,
                _knowledge(options, stack),
            )
            _serve(options, desk, WebHooks(store, addresses) if addresses else None)
    except VitrineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _embedded(repository: Path | None, stack: ExitStack) -> str:
    """Start a server of the repository, which ends with the desk; returns its address."""
    from serving.supervision.server import EmbeddedServer
    from serving.triton.command import ServerSettings

    assert repository
    print(f"starting Triton with {repository} ...", flush=True)
    return stack.enter_context(EmbeddedServer(ServerSettings(repository, grpc_port=0, metrics_port=None))).url


def _knowledge(options: DeskOptions, stack: ExitStack) -> Knowledge | None:
    """Open what the shops know.

    Raises:
        VitrineError: it is no URL of a store.
        UsageError: the rules are wrong.
    """
    url = options.products or os.environ.get("VITRINE_PRODUCTS")
    if url is None:
        return None
    rules = read_shop_rules(options.rules) if options.rules else ()
    knows = Knowledge(ProductStore(url, waits=True), rules, options.vectors)
    stack.callback(knows.close)
    return knows


def _serve(options: DeskOptions, desk: Desk, hooks: WebHooks | None) -> None:
    if options.metrics_port is not None:
        start_http_server(options.metrics_port, options.host)
    config = uvicorn.Config(
        desk_app(desk, hooks), options.host, options.port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=_DRAIN_S, timeout_keep_alive=75,
    )  # fmt: skip
    _Server(config, desk.inbox).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, inbox: Inbox) -> None:
        super().__init__(config)
        self._inbox = inbox

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            print(f"the desk is open at http://{host}:{port}/ (Ctrl-C ends it)", flush=True)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        self._inbox.end_waits()  # whoever waits for a person is told that nobody has answered yet
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals, and do not raise them again at the end: what was opened is to be closed."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()
