"""Somebody who uses an agent: reacts to what it says, and does other things on a whim, all from one Random."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sip import commands
from sip.events import Answered, Confirmed, Event, Invited, Offered, Referred, Ringing
from sip.outgoing import OutgoingSession
from sip.replaces import Replaces
from sip.session import Phase
from tests.simulation.party import Party

LARGE = b"\r\na=" + b"x" * 1300  # a request with it does not fit a datagram


class User:
    """`until`: when whims end. After `over` it only hangs up."""

    def __init__(self, party: Party, random: Random, until: float, where: str) -> None:
        self.party = party
        self.over = False
        self._random = random
        self._until = until
        self._where = where  # a URI of ours for redirects and transfers
        self._count = 0
        self._calls = 0
        self._replaces: str | None = None
        party.hears = self.hear
        self._hangs_up_early = random.random() < 0.15

    # what it says

    def _sdp(self, kind: str) -> bytes:
        self._count += 1
        large = LARGE if self._random.random() < 0.03 else b""
        return f"v=0 {kind} {self._count} of {self.party.name} {self.party.life}".encode() + large

    def _later(self, act: Callable[[], None], most: float = 6.0) -> None:
        at_once = self._random.random() < 0.4
        self.party.soon(0.0 if at_once else self._random.uniform(0.0, most), act)

    def _say(self, command: commands.Command, most: float = 6.0) -> None:
        self._later(lambda: self.party.apply(command), most)

    # calls of ours

    def call(self, uri: str, **more: object) -> None:
        """Places a call."""
        self._calls += 1
        session = f"{self.party.name}{self.party.life}-{self._calls}"
        sdp = None if self._random.random() < 0.1 else self._sdp("offer")
        from_ = f"<sip:{self.party.name}@{self.party.host}>"
        self.party.apply(commands.Invite(session, uri, from_, f"<{uri}>", sdp, **more))  # type: ignore[arg-type]
        if self._hangs_up_early:
            self._say(commands.Hangup(session, reason="early"), 8.0)
        self._whims(session)

    # what it hears

    def hear(self, session: str, event: Event) -> None:
        """An event of its agent."""
        match event:
            case Invited() if self.over:
                self.party.soon(0.0, lambda: self.party.apply(commands.Hangup(session)))
            case Invited(replaces=replaces):
                self._invited(session, replaces)
            case Ringing() | Answered() | Confirmed():
                if self._random.random() < 0.05:
                    self._say(commands.Hangup(session), 3.0)
                elif not isinstance(event, Ringing):
                    self._whims(session)
            case Offered() if self._random.random() < 0.9:
                self._offered(session)
            case Referred():
                self._referred(session)

    def _invited(self, session: str, replaces: str | None) -> None:
        for _ in range(self._random.choice((0, 1, 1, 2))):
            early = self._sdp("early") if self._random.random() < 0.4 else None
            reliable = self._random.random() < 0.5
            self._say(commands.Provisional(session, self._random.choice((180, 183)), early, reliable=reliable), 4.0)
        chance = self._random.random()
        if chance < 0.75:
            answer = self._sdp("answer")
            self._later(lambda: self._accept(session, answer, replaces), 8.0)
        elif chance < 0.85:
            self._say(commands.Refuse(session, self._random.choice((486, 480, 603, 503))))
        elif chance < 0.9:
            self._say(commands.Refuse(session, 302, headers=(("Contact", f"<{self._where}>"),)))
        elif chance < 0.94:
            self._say(commands.Hangup(session))
        self._whims(session)

    def _accept(self, session: str, answer: bytes, replaces: str | None) -> None:
        self.party.apply(commands.Accept(session, answer))
        if replaces is not None:
            self.party.apply(commands.Hangup(replaces, reason="replaced"))

    def _offered(self, session: str) -> None:
        if self._random.random() < 0.8:
            answer = self._sdp("answer")
            self._later(lambda: self._answer(session, answer), self._random.choice((0.1, 2.0, 40.0)))
        else:
            self._say(commands.RefuseOffer(session, 488), 10.0)

    def _answer(self, session: str, answer: bytes) -> None:
        self.party.apply(commands.AnswerOffer(session, answer))

    def _referred(self, session: str) -> None:
        chance = self._random.random()
        if chance < 0.2:
            self._say(commands.RefuseRefer(session))
        elif chance < 0.9:
            self._say(commands.AcceptRefer(session), 3.0)
            for status in (180, self._random.choice((200, 486))):
                self._say(commands.TellRefer(session, status), 15.0)

    # whims

    def _whims(self, session: str) -> None:
        for _ in range(self._random.choice((0, 1, 2, 3))):
            left = self._until - self.party.network.now
            if left > 0:
                whim = self._random.choice(WHIMS)
                self.party.soon(self._random.uniform(0.0, left), lambda whim=whim: whim(self, session))  # type: ignore[misc]

    def reoffer(self, session: str) -> None:
        self.party.apply(commands.Reoffer(session, self._sdp("reoffer")))

    def tell(self, session: str) -> None:
        self.party.apply(commands.SendInfo(session, "text/plain", self._sdp("said")))

    def transfer(self, session: str) -> None:
        quiet = (("Refer-Sub", "false"),) if self._random.random() < 0.2 else ()
        self.party.apply(commands.Refer(session, self._where, quiet))

    def hang_up(self, session: str) -> None:
        self.party.apply(commands.Hangup(session, reason="enough"))

    def replace(self, session: str) -> None:
        """A second call that takes the place of this one, or of one that the other does not know."""
        found = self.party.agent._sessions.get(session)
        if found is not None and found.dialog is not None and found.dialog.remote_tag:
            dialog = found.dialog
            replaces = Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag, self._random.random() < 0.2)
            self.call(str(dialog.next_hop), headers=(("Replaces", str(replaces)),))

    def move(self, session: str) -> None:
        """UPDATE with an offer, as other user agents send it (ours only refreshes with it)."""
        found = self.party.agent._sessions.get(session)
        if found is not None and found.dialog is not None and found.is_confirmed and not found.offers._busy:
            self.party.ledger.entries[session].unsure = True
            self.party.do(found.offers._send("UPDATE", self.party.network.now, b"v=0 moved"))

    def leave(self, session: str) -> None:
        """BYE while it still rings, which callers may send and ours does not (RFC 3261 §15)."""
        found = self.party.agent._sessions.get(session)
        if isinstance(found, OutgoingSession) and found.phase is Phase.EARLY and found.early_dialogs:
            early = next(iter(found._early.values()))
            early.dialog = early.dialog.next_cseq()
            bye = early.dialog.request("BYE", early.dialog.local_cseq)
            self.party.ledger.entries[session].unsure = True
            self.party.do(found.layer.request(bye, early.dialog.next_hop, None, self.party.network.now))

    def ask(self, session: str) -> None:
        """OPTIONS inside the call, as some peers send it to see whether it still stands."""
        found = self.party.agent._sessions.get(session)
        if found is not None and found.is_confirmed:
            self.party.do(found.send("OPTIONS", self.party.network.now))

    def greet(self, session: str) -> None:
        """Anything, at any time, also when it makes no sense."""
        at_random = (
            commands.AnswerOffer(session, b"v=0 stray"), commands.RefuseOffer(session), commands.AcceptRefer(session),
            commands.RefuseRefer(session), commands.TellRefer(session, 486), commands.Hangup("nobody"),
            commands.Probe(self._where, "sip:probe@sim.example"),
        )  # fmt: skip
        self.party.apply(self._random.choice(at_random))


WHIMS = (
    *(User.reoffer,) * 5, *(User.tell,) * 3, *(User.transfer,) * 2, User.hang_up, User.replace, User.greet,
    User.move, User.ask, User.leave,
)  # fmt: skip
