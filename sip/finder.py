"""Ways for requests: names are resolved once and kept, targets are tried in turn, those that failed come last."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sip.client_transaction import Act
from sip.events import Event
from sip.locate import Missing, locate
from sip.message import Request, Response
from sip.outputs import Alias, Close, Connect, Question, Record, Resolve, Resolved, Target, Transmit
from sip.uri import Uri

if TYPE_CHECKING:
    from random import Random

Output = Transmit | Resolve | Connect | Close | Alias | Event

KEPT = 4096  # names and failed targets that are remembered
LONGEST = 86400.0  # seconds that an answer is kept, whatever its TTL
STALE = 86400.0  # seconds that an answer outlives its TTL while DNS fails (RFC 8767 §4: one to three days)
RECHECK = 30.0  # seconds that DNS is left alone after a failure (RFC 8767 §5)
LONGEST_AVOIDED = 3600.0  # seconds, whatever Retry-After says
TARGET_REFRESH = ("INVITE", "UPDATE", "REFER", "SUBSCRIBE", "NOTIFY", "REGISTER")  # requests with a Contact of ours
NO_STREAM = 1800.0  # seconds that TCP is not tried again for large requests, where a UDP server did not take it
AVOIDED = 30.0  # seconds that a target that failed comes after the others

Key = TypeVar("Key")
Value = TypeVar("Value")


class Expiring(Generic[Key, Value]):
    """A bounded table whose entries end: what is over is dropped, and the oldest where there are too many."""

    def __init__(self, limit: int = KEPT) -> None:
        self._entries: dict[Key, tuple[Value, float]] = {}
        self._limit = limit

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: Key, value: Value, until: float, now: float) -> None:
        """Keeps a value until then."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._limit:
            self._entries = {one: kept for one, kept in self._entries.items() if kept[1] > now}
        if len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (value, until)

    def get(self, key: Key, now: float) -> Value | None:
        """The value, None when it is over."""
        value, until = self._entries.get(key, (None, 0.0))
        return value if until > now else None

    def last(self, key: Key) -> tuple[Value, float] | None:
        """The value and its end, also where that is past, as long as there was room for it."""
        return self._entries.get(key)


def retry_after(response: Response) -> float | None:
    """Seconds, of a Retry-After that can be read (RFC 3261 §20.33)."""
    found = re.match(r"\s*(\d{1,6})", response.headers.get("Retry-After") or "")
    return min(float(found[1]), LONGEST_AVOIDED) if found else None


class Owner(Protocol):
    """Who sent a request, and wants what comes of it."""

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]: ...


@dataclass(slots=True, eq=False)
class Attempt:
    """A request on its way: the targets that are left, and what the last one said."""

    request: Request
    owner: Owner | None
    hop: Uri
    number: int
    targets: deque[Target] | None = None  # None: not located
    target: Target | None = None  # the one that is tried; None on a flow that was there
    reused: bool = False  # its connection was there before
    committed: bool = False  # somebody heard it (or nobody shall any more): no other target
    streamed: Target | None = None  # a UDP target that TCP was tried for
    said: Response | Act = Act.FAIL
    answers: dict[Question, tuple[Record, ...]] = field(default_factory=dict)
    wants_contact: bool = False  # Contact is put on with the flow
    contact_user: str | None = None
    features: str = ""  # of that Contact
    patience: float | None = None  # of each transaction
    guarded: bool = False

    def __post_init__(self) -> None:
        self.wants_contact = self.request.method in TARGET_REFRESH and "Contact" not in self.request.headers

    def skip_twin(self) -> None:
        """TCP got through to a server, which failed: the same server over UDP is no other target."""
        if self.targets and self.streamed is not None and self.targets[0] is self.streamed:
            self.targets.popleft()


class Finder:
    """Attempts that wait for names or connections."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._waiting: dict[int, Attempt] = {}
        self._asked: dict[Question, list[Attempt]] = {}
        self._names: Expiring[Question, tuple[tuple[Record, ...], float]] = Expiring()  # answers, their TTL's end
        self._avoided: Expiring[Target, bool] = Expiring()

    def waits(self, request: Request) -> bool:
        """Whether a request waits for its flow."""
        return any(attempt.request is request for attempt in self._waiting.values())

    def step(self, attempt: Attempt, now: float) -> list[Output] | None:
        """Towards the next target: questions, or a connection; None when no target is left."""
        self._waiting.pop(attempt.number, None)
        if attempt.targets is None:
            found = self._located(attempt, now)
            if isinstance(found, Missing):
                self._waiting[attempt.number] = attempt
                return self._ask(attempt, found.questions)
            attempt.targets = deque(sorted(found, key=lambda one: bool(self._avoided.get(one, now))))
        if not attempt.targets:
            return None
        attempt.target = attempt.targets.popleft()
        self._waiting[attempt.number] = attempt
        return [Connect(attempt.number, attempt.target, attempt.guarded)]

    def resolved(self, resolved: Resolved, now: float) -> list[Attempt]:
        """Keeps an answer; the attempts that waited for it have to step."""
        records = self._outdated(resolved.question, now) if resolved.failed else self._kept(resolved, now)
        waited = self._asked.pop(resolved.question, [])
        for attempt in waited:
            attempt.answers[resolved.question] = records
        return [attempt for attempt in waited if self._waiting.get(attempt.number) is attempt]

    def _kept(self, resolved: Resolved, now: float) -> tuple[Record, ...]:
        ends = now + min(resolved.ttl, LONGEST)
        self._names.put(resolved.question, (resolved.records, ends), ends, now)
        return resolved.records

    def _outdated(self, question: Question, now: float) -> tuple[Record, ...]:
        """The last answer to a question that DNS fails to answer, good until it is time to ask again."""
        last = self._names.last(question)
        if last is None or now >= last[0][1] + STALE:
            return ()
        self._names.put(question, last[0], now + RECHECK, now)
        return last[0][0]

    def take(self, number: int) -> Attempt | None:
        """The attempt that a flow was wanted for."""
        return self._waiting.pop(number, None)

    def withdraw(self, request: Request) -> bool:
        """Forgets a request that waits; False where it is on its way already."""
        numbers = [number for number, attempt in self._waiting.items() if attempt.request is request]
        for number in numbers:
            del self._waiting[number]
        return bool(numbers)

    def prefer_stream(self, attempt: Attempt, now: float) -> bool:
        """Puts TCP before the UDP target that is tried; False where that is not possible, or was tried."""
        target = attempt.target
        if target is None or attempt.targets is None or attempt.streamed is target:
            return False
        attempt.streamed, stream = target, replace(target, transport="tcp")
        if self._avoided.get(stream, now):
            return False
        attempt.targets.extendleft((target, stream))
        return True

    def unreachable(self, attempt: Attempt, now: float) -> None:
        """No connection to the target that is tried: others come first, and where UDP will do TCP is left alone."""
        assert attempt.target is not None
        twin = attempt.streamed is not None and attempt.target == replace(attempt.streamed, transport="tcp")
        self.avoid(attempt.target, now, NO_STREAM if twin else AVOIDED)

    def gives_way(self, attempt: Attempt, result: Response | Act, now: float) -> bool:
        """Whether a request goes on to another target after this result (RFC 3263 §4.3); notes who failed."""
        if isinstance(result, Response) and result.status != 503:
            return False
        attempt.said = result
        if result is Act.FAIL and attempt.reused and attempt.target is not None and attempt.targets is not None:
            attempt.reused = False  # the connection was stale: a new one to the same target
            attempt.targets.appendleft(attempt.target)
        elif attempt.target is not None:
            self._avoid_for(attempt.target, result, now)
            if result is not Act.FAIL:
                attempt.skip_twin()
        if attempt.committed:
            return False
        return bool(attempt.targets) or (result is Act.FAIL and attempt.targets is None)

    def _avoid_for(self, target: Target, result: Response | Act, now: float) -> None:
        asked = retry_after(result) if isinstance(result, Response) else None
        self.avoid(target, now, AVOIDED if asked is None else asked)

    def avoid(self, target: Target, now: float, seconds: float = AVOIDED) -> None:
        """A target that failed comes last for some time."""
        self._avoided.put(target, True, now + seconds, now)

    def _located(self, attempt: Attempt, now: float) -> Missing | tuple[Target, ...]:
        """What is still to be asked, once everything that is kept was looked at."""
        while isinstance(found := locate(attempt.hop, attempt.answers, self._random), Missing):
            kept = {question: self._names.get(question, now) for question in found.questions}
            attempt.answers.update((question, one[0]) for question, one in kept.items() if one is not None)
            if unknown := tuple(question for question, one in kept.items() if one is None):
                return Missing(unknown)
        return found

    def _ask(self, attempt: Attempt, questions: Iterable[Question]) -> list[Output]:
        outputs: list[Output] = []
        for question in questions:
            waiting = self._asked.setdefault(question, [])
            if not waiting:
                outputs.append(Resolve(question))
            if attempt not in waiting:
                waiting.append(attempt)
        return outputs
