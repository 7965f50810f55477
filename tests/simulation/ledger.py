"""What a user was told, as a table of what may follow what: each session ends once, and nothing comes after."""

from __future__ import annotations

from dataclasses import dataclass, field

from sip import commands
from sip.events import (
    Accepted,
    Answered,
    Confirmed,
    Ended,
    Event,
    InfoReceived,
    Invited,
    Offered,
    Redirected,
    ReferProgress,
    Referred,
    Renegotiated,
    Ringing,
)

# (where a session is, what is said of it) -> where it is then; nothing else may be said
LEGAL: dict[tuple[str, type], str] = {
    ("new", Invited): "invited",
    ("calling", Ringing): "calling",
    ("calling", Redirected): "calling",
    ("calling", Answered): "up",
    ("invited", Accepted): "accepted",
    ("accepted", Confirmed): "up",
    **{(phase, Ended): "ended" for phase in ("calling", "invited", "accepted", "up")},
    **{(phase, InfoReceived): phase for phase in ("calling", "invited", "accepted", "up")},
    **{(phase, Offered): phase for phase in ("calling", "invited", "up")},
    **{(phase, Renegotiated): phase for phase in ("calling", "invited", "accepted", "up")},
    **{(phase, Referred): phase for phase in ("calling", "invited", "accepted", "up")},
    **{(phase, ReferProgress): phase for phase in ("calling", "invited", "accepted", "up")},
}

IN_TIME = 20.0  # seconds in which a user answers an offer before the agent gives up on it


@dataclass(slots=True)
class Entry:
    """One session of one user."""

    phase: str = "new"
    placed: bool = False  # by this user
    call_id: str = ""
    end: Ended | None = None
    ended_at: float = 0.0
    ours: bytes | None = None  # the session descriptions that are agreed on
    theirs: bytes | None = None
    offers: list[bytes] = field(default_factory=list)  # of ours, under way
    asked: bytes | None = None  # the latest offer of theirs
    asks: bool = False  # it is not answered
    asked_at: float = 0.0
    unsure: bool = False  # moved by an UPDATE that the agent was not asked for, or answered when it was too late
    reoffers: int = 0
    renegotiated: int = 0
    extra: int = 0  # answers that may come to offers of ours in 1xx and 2xx responses
    refers: int = 0
    final_progress: int = 0
    heard: set[bytes] = field(default_factory=set)


class Ledger:
    """All sessions of one user, by id. An illegal event is an AssertionError that says which."""

    def __init__(self, name: str) -> None:
        self.entries: dict[str, Entry] = {}
        self.crashed: list[Entry] = []
        self.dropped: list[str] = []
        self._name = name

    def crash(self) -> None:
        """The user lost its memory."""
        self.crashed += self.entries.values()
        self.entries = {}

    def forget(self) -> None:
        """What has ended is of no interest any more."""
        self.entries = {session: self.entries[session] for session in self.alive()}

    def alive(self) -> list[str]:
        """The sessions that have not ended."""
        return [session for session, entry in self.entries.items() if entry.end is None]

    def commanded(self, command: commands.Command, now: float) -> None:
        """What the user asks for."""
        if isinstance(command, commands.Invite):
            self.entries[command.session] = Entry("calling", placed=True, ours=command.sdp)
        entry = self.entries.get(getattr(command, "session", ""))
        if entry is None or entry.end is not None:
            return
        match command:
            case commands.Reoffer(sdp=sdp):
                entry.reoffers += 1
                entry.offers.append(sdp)
            case commands.AnswerOffer(sdp=sdp) if entry.asks:
                entry.ours, entry.theirs = sdp, entry.asked or entry.theirs
                entry.asks, entry.unsure = False, now > entry.asked_at + IN_TIME
                entry.extra += 1
            case commands.Accept(sdp=sdp) if entry.phase == "invited":
                entry.ours = sdp
                entry.extra += 1
            case commands.RefuseOffer():
                entry.asks = False
            case commands.Provisional():
                entry.extra += 1
            case commands.Refer():
                entry.refers += 1

    def heard(self, event: Event, now: float, *, at_once: bool) -> None:
        """What the user is told; `at_once`: while it asks for something."""
        session = str(getattr(event, "session", ""))
        entry = self.entries.setdefault(session, Entry())
        step = entry.phase, type(event)
        assert step in LEGAL, f"{self._name}: {type(event).__name__} may not come when a session is {entry.phase}"
        entry.phase = LEGAL[step]
        match event:
            case Invited(sdp=sdp, request=request):
                entry.theirs, entry.call_id = sdp, request.call_id
            case Answered(sdp=sdp):
                entry.theirs = sdp
            case Confirmed(sdp=sdp) if sdp is not None:
                entry.theirs = sdp
            case Offered(sdp=sdp):
                entry.asked, entry.asks, entry.asked_at = sdp, True, now
            case Renegotiated(sdp=sdp, status=status):
                self._renegotiated(entry, status, sdp, -1 if at_once and status >= 300 else 0)
            case ReferProgress(final=True):
                entry.final_progress += 1
                assert entry.final_progress <= entry.refers, f"{self._name}: a transfer ended twice"
            case InfoReceived(body=body):
                assert body not in entry.heard, f"{self._name}: heard {body!r} twice"
                entry.heard.add(body)
            case Ended():
                entry.end, entry.ended_at = event, now

    def _renegotiated(self, entry: Entry, status: int, sdp: bytes | None, which: int) -> None:
        entry.renegotiated += 1
        most = entry.reoffers + entry.extra
        assert entry.renegotiated <= most, f"{self._name}: {entry.renegotiated} answers to {most} offers"
        offer = entry.offers.pop(which) if entry.offers else None
        if status < 300 and sdp is not None:
            entry.ours, entry.theirs = offer or entry.ours, sdp
