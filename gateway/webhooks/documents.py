"""Documents that were fetched by GET, kept as long as the app says; those of a POST never (webhooks.md: caching)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.webhooks import freshness
from gateway.webhooks.request import Answer

CHANGING = ("cookie", "authorization")  # what is said to these is one call's own
LARGEST = 8 << 20  # bytes of all documents: they are asked for again when they have gone

Ask = Callable[[Mapping[str, str]], Awaitable[Answer]]
"""Makes the request, with these headers besides."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, until when it holds, and how to ask whether it still does."""

    answer: Answer
    until: float
    validators: dict[str, str]


class Documents:
    """By account and URL, which for a GET has all the parameters; the least recently used go first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._size = 0

    async def get(self, account_sid: str, url: str, ask: Ask) -> Answer:
        """The document: as it was kept, where it still holds."""
        key = account_sid, url
        kept = self._kept.get(key)
        if kept is not None and self._clock.now() < kept.until:
            self._kept.move_to_end(key)
            return kept.answer
        answer = await ask(kept.validators if kept is not None else {})
        if answer.status == 304 and kept is not None:
            self._keep(key, kept.answer, answer.headers, kept.validators)
            return kept.answer
        self._keep(key, answer, answer.headers, {})
        return answer

    def _keep(self, key: tuple[str, str], answer: Answer, headers: Mapping[str, str], before: dict[str, str]) -> None:
        """In the place of what was there. What sets a cookie, or came by a redirect, is one call's own."""
        self._drop(key)
        until = self._clock.now() + freshness.seconds(headers, self._clock.wall())
        validators = before | freshness.validators(headers)
        whole = 200 <= answer.status < 300 and not answer.truncated and not answer.cookies and answer.url == key[1]
        if not whole or not freshness.may_be_kept(headers, CHANGING) or not (validators or until > self._clock.now()):
            return
        self._kept[key] = Kept(answer, until, validators)
        self._size += len(answer.body)
        while self._size > LARGEST:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, str]) -> None:
        if (gone := self._kept.pop(key, None)) is not None:
            self._size -= len(gone.answer.body)
