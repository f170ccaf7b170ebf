"""Web hooks: shops are told what people have answered, again and again until they take it."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import yaml
from vitrine_client.feedback.store import FeedbackStore

from command_line.errors import UsageError
from desk.inbox import in_store_thread

_LOOK_S = 1.0
_LONGEST_PAUSE_S = 60.0
_log = logging.getLogger("vitrine.desk")


def web_hooks_in(file: Path) -> dict[str, str]:
    """Read addresses by shop.

    Raises:
        UsageError: the file cannot be read, or is not as expected.
    """
    try:
        hooks = {str(shop): str(url) for shop, url in yaml.safe_load(file.read_text("utf-8")).items()}
        bad = [
            shop
            for shop, url in hooks.items()
            if httpx.URL(url).scheme not in ("https", "http") or not httpx.URL(url).host
        ]
    except (OSError, ValueError, AttributeError, yaml.YAMLError, httpx.InvalidURL) as error:
        raise UsageError(f"--web-hooks: {file} cannot be used: lines of SHOP: https://ADDRESS are expected") from error
    if bad:
        raise UsageError(f"--web-hooks: the address of {bad[0]} cannot be used: https://ADDRESS is expected")
    return hooks


class WebHooks:
    """Sends each closed question once to its shop's address, as JSON; at least once where the desk is killed."""

    def __init__(self, store: FeedbackStore, hooks: Mapping[str, str]) -> None:
        self._store, self._hooks = store, hooks
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to look, for each shop on its own: one that does not answer keeps no other waiting."""
        self._running = [asyncio.create_task(self._run(shop, url)) for shop, url in self._hooks.items()]

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        for task in self._running:
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self, shop: str, url: str) -> None:
        pause_s = _LOOK_S
        async with httpx.AsyncClient(timeout=10.0, follow_redirects=False) as client:
            while True:
                try:
                    await self._tell(client, shop, url)
                    pause_s = _LOOK_S
                except Exception as error:  # whatever it is, the next question is to be told
                    _log.warning(
                        "the web hook of %s does not take what people answered: %s", shop, type(error).__name__
                    )
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)

    async def _tell(self, client: httpx.AsyncClient, shop: str, url: str) -> None:
        for item in await in_store_thread(self._store.untold, shop):
            (await client.post(url, json=item.to_dict())).raise_for_status()
            await in_store_thread(self._store.mark_told, item.id)
