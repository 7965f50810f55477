"""The sessions of an agent: by their names, by the dialogs that requests name, by the INVITEs that CANCELs name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sip.dialogs import Dialogs
from sip.events import Answered, Ended, Redirected, Ringing
from sip.incoming import IncomingSession
from sip.layer import Output
from sip.machine import Alarms
from sip.message import Request
from sip.outgoing import OutgoingSession
from sip.replaces import Replaces
from sip.session import Phase, Session

SWEEP = 0.5  # seconds: thousands may wait for the answer to their BYE, and each message is no reason to ask them all


class Sessions(Mapping[str, Session]):
    """Those that are not forgotten yet; one that has ended stays until soon after its last exchanges.

    It is a machine with one deadline (sip/machine.py).
    """

    def __init__(self, alarms: Alarms) -> None:
        self.timers: dict[str, float] = {}
        self.dialogs = Dialogs()
        self._alarms = alarms
        self._sessions: dict[str, Session] = {}
        self._invites: dict[tuple[str, str], IncomingSession] = {}  # by branch and Call-ID
        self._ending: dict[str, Session] = {}

    def __getitem__(self, session: str) -> Session:
        return self._sessions[session]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, session: Session) -> None:
        """A session begins; the dialog of one that came in is known from now on."""
        self._sessions[session.id] = session
        if isinstance(session, IncomingSession):
            self._file(session)
            self._invites[session.cancel_key] = session

    def of(self, request: Request) -> Session | None:
        """Whose dialog a request is in (RFC 3261 §12.2.2)."""
        return self.dialogs.find((request.call_id, request.to.tag, request.from_.tag))

    def canceled(self, cancel: Request) -> IncomingSession | None:
        """The call that a CANCEL takes back."""
        return self._invites.get((cancel.via[0].branch, cancel.call_id))

    def replaced(self, invite: Request) -> str | int | None:
        """The session that an INVITE wants to replace, or the status that refuses it (RFC 3891 §3)."""
        wanted = Replaces.of(invite)
        if wanted is None:
            return None
        session = self.dialogs.find((wanted.call_id, wanted.to_tag, wanted.from_tag))
        if session is None:
            return 481
        if session.phase is Phase.ENDED:
            return 603
        if session.phase is Phase.EARLY:
            return session.id if isinstance(session, OutgoingSession) else 481
        return 486 if wanted.early_only else session.id

    def tidy(self, outputs: Sequence[Output], now: float) -> None:
        """Files the dialogs that were made, and forgets the sessions that are done with their end."""
        for output in outputs:
            if isinstance(output, Answered | Ringing | Redirected) and output.session in self._sessions:
                self._file(self._sessions[output.session])
            elif isinstance(output, Ended) and output.session in self._sessions:
                self._end(self._sessions[output.session], now)

    def _end(self, session: Session, now: float) -> None:
        """Forgets a session that has ended, now or when its last exchanges are over."""
        if session.done:
            self._forget(session)
            return
        self._ending[session.id] = session
        if not self.timers:
            self._alarms.set(self, "sweep", now + SWEEP)

    def ring(self, name: str, now: float) -> list[Output]:
        """Forgets those whose last exchanges are over by now."""
        for session in [one for one in self._ending.values() if one.done]:
            self._forget(session)
        if self._ending:
            self._alarms.set(self, "sweep", now + SWEEP)
        return []

    def _file(self, session: Session) -> None:
        """The dialogs of a session, those of branches that ring included."""
        dialogs = [session.dialog] if session.dialog is not None else []
        if isinstance(session, OutgoingSession):
            dialogs += session.early_dialogs
        self.dialogs.file(session, tuple(dict.fromkeys(dialog.key for dialog in dialogs)))

    def _forget(self, session: Session) -> None:
        del self._sessions[session.id]
        self._ending.pop(session.id, None)
        self.dialogs.forget(session)
        if isinstance(session, IncomingSession):
            self._invites.pop(session.cancel_key, None)
