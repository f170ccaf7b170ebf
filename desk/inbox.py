"""Questions for people, of one shop at a time: the store of feedback, called from an event loop."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from vitrine_client import Answer, VitrineError
from vitrine_client.feedback.counts import Counts
from vitrine_client.feedback.store import FeedbackStore
from vitrine_client.feedback.table import Item, State

_LOOK_S = 0.5
"""Seconds between two looks for an answer that somebody waits for: other processes may write it."""
_CLEANING_S = 600.0


class Inbox:
    """What people are asked. Every call is about one shop, and never shows another's."""

    def __init__(self, store: FeedbackStore, *, keep_days: float | None) -> None:
        """
        Args:
            keep_days: how long photos are kept for people to see; None: they are not kept.
        """
        self._store, self._keep_days = store, keep_days

    async def add(
        self, shop: str, photo: bytes, question: str, answer: Answer, *, product: str = "", buyer: str = ""
    ) -> int:
        """Ask people; returns the question's number. What this has returned from is on disk."""
        return await run_in_threadpool(
            self._store.add, photo, question, answer, shop=shop, product=product, buyer=buyer, keep_days=self._keep_days
        )

    async def items(self, shop: str, state: State | None, product: str | None) -> Sequence[Item]:
        return await run_in_threadpool(self._store.items, state, shop=shop, product=product)

    async def item(self, shop: str, number: int, *, wait_s: float = 0.0) -> Item:
        """Return a question, once it is closed or `wait_s` is over.

        Raises:
            NotThereError: no such question of this shop.
        """
        ends_at_s = asyncio.get_running_loop().time() + wait_s
        while True:
            found = await run_in_threadpool(self._store.item, number, shop=shop)
            left_s = ends_at_s - asyncio.get_running_loop().time()
            if found.state != "open" or left_s <= 0:
                return found
            await asyncio.sleep(min(_LOOK_S, left_s))

    async def photo(self, shop: str, number: int) -> Path | None:
        """Name the file of a question's photo; None: it is not kept, or no more."""
        found = (await self.item(shop, number)).photo_file
        return found if found is not None and found.is_file() else None

    async def answer(self, shop: str, number: int, text: str, *, by: str) -> None:
        await run_in_threadpool(self._store.answer, number, text, by=by, shop=shop)

    async def dismiss(self, shop: str, number: int, *, by: str) -> None:
        await run_in_threadpool(self._store.dismiss, number, by=by, shop=shop)

    async def counts(self, shop: str) -> Counts:
        return await run_in_threadpool(self._store.counts, shop)

    async def remove_expired_forever(self) -> None:
        """Remove photos whose time has run out, now and again and again."""
        while True:
            with suppress(VitrineError):  # a store that is away comes back
                await run_in_threadpool(self._store.remove_expired)
            await asyncio.sleep(_CLEANING_S)

    async def forget(self, shop: str, **which: Any) -> int:
        return await run_in_threadpool(self._store.forget, shop=shop, **which)
