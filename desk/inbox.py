"""Questions for people, of one shop at a time: the store of feedback, called from an event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vitrine_client import Answer, VitrineError
from vitrine_client.feedback.counts import Counts
from vitrine_client.feedback.database import FeedbackError
from vitrine_client.feedback.store import FeedbackStore
from vitrine_client.feedback.table import Item, State

_LOOK_S = 0.5
"""Seconds between two looks for an answer that somebody waits for: other processes may write it."""
IsGone = Callable[[], Awaitable[bool]]
_CLEANING_S = 600.0
_LONGEST_S = 45.0
_THREADS = ThreadPoolExecutor(16, thread_name_prefix="store")
Result = TypeVar("Result")


async def in_store_thread(work: Callable[..., Result], *args: Any, **more: Any) -> Result:
    """Call what may wait for a database in a thread, of which there are few: a store that hangs keeps nobody else."""
    called = asyncio.get_running_loop().run_in_executor(_THREADS, partial(work, *args, **more))
    try:
        return await asyncio.wait_for(called, _LONGEST_S)
    except TimeoutError as error:
        raise FeedbackError(f"the store did not answer within {_LONGEST_S:g} seconds") from error


class Inbox:
    """What people are asked. Every call is about one shop, and never shows another's."""

    def __init__(self, store: FeedbackStore, *, keep_days: float | None) -> None:
        """
        Args:
            keep_days: how long photos are kept for people to see; None: they are not kept.
        """
        self._store, self._keep_days = store, keep_days
        self._ends = asyncio.Event()

    def end_waits(self) -> None:
        """Let whoever waits for a person go: the desk ends."""
        self._ends.set()

    async def add(
        self, shop: str, photo: bytes, question: str, answer: Answer, *, product: str = "", buyer: str = ""
    ) -> int:
        """Ask people; returns the question's number. What this has returned from is on disk."""
        return await in_store_thread(
            self._store.add, photo, question, answer, shop=shop, product=product, buyer=buyer, keep_days=self._keep_days
        )

    async def items(
        self, shop: str, state: State | None, product: str | None, *, after: int, limit: int
    ) -> Sequence[Item]:
        return await in_store_thread(self._store.items, state, shop=shop, product=product, after=after, limit=limit)

    async def item(self, shop: str, number: int, *, wait_s: float = 0.0, is_gone: IsGone | None = None) -> Item:
        """Return a question, once it is closed, `wait_s` is over, or the desk ends.

        Args:
            is_gone: says whether the caller has gone, so that nobody waits any more.

        Raises:
            NotThereError: no such question of this shop.
        """
        ends_at_s = asyncio.get_running_loop().time() + wait_s
        while True:
            found = await in_store_thread(self._store.item, number, shop=shop)
            left_s = ends_at_s - asyncio.get_running_loop().time()
            if found.state != "open" or left_s <= 0 or self._ends.is_set() or (is_gone and await is_gone()):
                return found
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ends.wait(), min(_LOOK_S, left_s))

    async def photo(self, shop: str, number: int) -> Path | None:
        """Name the file of a question's photo; None: it is not kept, or no more."""
        found = (await self.item(shop, number)).photo_file
        return found if found is not None and found.is_file() else None

    async def answer(self, shop: str, number: int, text: str, *, by: str) -> None:
        await in_store_thread(self._store.answer, number, text, by=by, shop=shop)

    async def dismiss(self, shop: str, number: int, *, by: str) -> None:
        await in_store_thread(self._store.dismiss, number, by=by, shop=shop)

    async def counts(self, shop: str) -> Counts:
        return await in_store_thread(self._store.counts, shop)

    async def remove_expired_forever(self) -> None:
        """Remove photos whose time has run out, now and again and again."""
        while True:
            with suppress(VitrineError):  # a store that is away comes back
                await in_store_thread(self._store.remove_expired)
            await asyncio.sleep(_CLEANING_S)

    async def forget(self, shop: str, **which: Any) -> int:
        return await in_store_thread(self._store.forget, shop=shop, **which)
