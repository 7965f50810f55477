"""The dialogs of an agent: which session a request belongs to (RFC 3261 §12.2.2), and whose Call-IDs live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sip.session import Session

Key = tuple[str, str, str]  # Call-ID, our tag, the peer's


class Dialogs:
    """Sessions by their dialogs; an early call may have several."""

    def __init__(self) -> None:
        self._sessions: dict[Key, Session] = {}
        self._keys: dict[str, tuple[Key, ...]] = {}  # by session
        self._call_ids: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, key: Key) -> Session | None:
        """The session that has a dialog."""
        return self._sessions.get(key)

    def holds(self, call_id: str) -> bool:
        """Whether a call of that Call-ID lives."""
        return call_id in self._call_ids

    def file(self, session: Session, keys: tuple[Key, ...]) -> None:
        """These are the dialogs of a session from now on."""
        self._drop(self._keys.get(session.id, ()))
        self._call_ids.update(key[0] for key in keys)
        self._sessions.update(dict.fromkeys(keys, session))
        self._keys[session.id] = keys

    def forget(self, session: Session) -> None:
        """The session is over."""
        self._drop(self._keys.pop(session.id, ()))

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._sessions.pop(key, None)
            self._call_ids[key[0]] -= 1
            if not self._call_ids[key[0]]:
                del self._call_ids[key[0]]
