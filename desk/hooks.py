"""Web hooks: shops are told what people have answered, again and again until they take it."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import yaml
from starlette.concurrency import run_in_threadpool
from vitrine_client import VitrineError
from vitrine_client.feedback.store import FeedbackStore

from command_line.errors import UsageError

_LOOK_S = 1.0
_LONGEST_PAUSE_S = 60.0
_log = logging.getLogger("vitrine.desk")


def web_hooks_in(file: Path) -> dict[str, str]:
    """Read addresses by shop.

    Raises:
        UsageError: the file cannot be read, or is not as expected.
    """
    try:
        found = yaml.safe_load(file.read_text("utf-8"))
        hooks = {str(shop): str(url) for shop, url in found.items()}
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise UsageError(f"--web-hooks: {file} cannot be used: lines of SHOP: https://ADDRESS are expected") from error
    if bad := [shop for shop, url in hooks.items() if not url.startswith(("https://", "http://"))]:
        raise UsageError(f"--web-hooks: the address of {bad[0]} does not begin with https://")
    return hooks


class WebHooks:
    """Sends each closed question once to its shop's address, as JSON; at least once where the desk is killed."""

    def __init__(self, store: FeedbackStore, hooks: Mapping[str, str]) -> None:
        self._store, self._hooks = store, hooks
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        pause_s = _LOOK_S
        async with httpx.AsyncClient(timeout=10.0, follow_redirects=False) as client:
            while True:
                try:
                    is_well = await self._tell_all(client)
                except VitrineError:
                    is_well = False
                pause_s = _LOOK_S if is_well else min(2 * pause_s, _LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)

    async def _tell_all(self, client: httpx.AsyncClient) -> bool:
        """Tell what is not told yet; returns whether every shop took it."""
        is_well = True
        for item in await run_in_threadpool(self._store.untold, list(self._hooks)):
            try:
                (await client.post(self._hooks[item.shop], json=item.to_dict())).raise_for_status()
            except httpx.HTTPError as error:
                _log.warning(
                    "the web hook of %s does not take question %d: %s", item.shop, item.id, type(error).__name__
                )
                is_well = False
                continue
            await run_in_threadpool(self._store.mark_told, item.id)
        return is_well
