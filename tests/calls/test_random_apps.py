"""Random apps, callers, called parties, keys and redirects: every call ends, and leaves nothing behind."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from gateway.api.engine import ChangeCall
from gateway.errors import ApiError
from gateway.store.paging import Page
from media import negotiate
from sip.commands import Accept, Hangup, Refer, Refuse
from sip.events import Ended, Invited
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.web import Reply
from tests.lib.whole import HOST, NUMBER, EngineLink, Whole, whole

SEEDS = 12
PORTS = (5060, 5070, 5080)
FINAL = {"completed", "busy", "no-answer", "failed", "canceled"}
TOLD = "statusCallback='/told' statusCallbackEvent='initiated ringing answered completed'"
DIALS = (
    "sequential='true'", "answerOnBridge='true'", "hangupOnStar='true'", "timeLimit='4'", "ringTone='de'",
    "record='record-from-ringing-dual'", "referUrl='/1'",
)  # fmt: skip
WAITS = ("", "/speaks", "/leads", "/leaves")
HEARD = {
    "/speaks": "<Response><Say>hello there</Say></Response>",
    "/declines": "<Response><Gather numDigits='1' timeout='2'/><Hangup/></Response>",
    "/leads": "<Response><Pause length='2'/><Redirect>/speaks</Redirect></Response>",
    "/leaves": "<Response><Say>bye</Say><Leave/></Response>",
    "/told": "",
}


def noun(random: Random, port: int) -> str:
    url = random.choice(("", "/speaks", "/declines", "/leads"))
    return f"<Sip {TOLD} {url and f'url={url!r}'}>sip:bob@127.0.0.4:{port}</Sip>"


def dial(random: Random, action: str) -> str:
    nouns = "".join(noun(random, port) for port in random.sample(PORTS, random.randint(1, 3)))
    more = " ".join(one for one in DIALS if random.random() < 0.3)
    return f"<Dial timeout='{random.randint(5, 8)}' {more} {action}>{nouns}</Dial>"


def verb(random: Random) -> str:
    number, wait = random.randint(1, 4), random.choice(WAITS)
    action = random.choice(("", f"action='/{number}'"))
    ends, starts = random.choices(("true", "false"), k=2)
    conference = f"waitUrl='{wait}' endConferenceOnExit='{ends}' startConferenceOnEnter='{starts}' record='{starts}'"
    return random.choice((
        f"<Say>{'x' * 9 * number}</Say>", f"<Pause length='{number}'/>", f"<Redirect>/{number}</Redirect>",
        f"<Gather numDigits='2' timeout='{number}' {action}><Say>{'y' * 5 * number}</Say></Gather>",
        f"<Record maxLength='{2 * number}' timeout='3' {action}/>", f"<Sms from='{NUMBER}'>Hi</Sms>",
        *(dial(random, action) for _ in range(3)), f"<Enqueue {action} waitUrl='{wait}'>line</Enqueue>",
        f"<Dial {action}><Conference {conference}>room</Conference></Dial>",
        f"<Dial timeout='5' record='{starts}' {action}><Queue url='/speaks'>line</Queue></Dial>",
        f"<Pay maxAttempts='1' timeout='2' {action}/>", "<Start><Recording name='all'/></Start>",
        "<Stop><Recording name='all'/></Stop>", random.choice(("<Hangup/>", "<Reject/>", "<Leave/>", "<Echo/>")),
    ))  # fmt: skip


def document(random: Random) -> str:
    return f"<Response>{''.join(verb(random) for _ in range(random.randint(1, 4)))}</Response>"


def moody(random: Random, text: str, _: object) -> Reply:
    """An app that is slow at times, and fails at times."""
    status = random.choice((200,) * 15 + (500,)) if text else 200
    return Reply(text, status, delay=random.choice((0.0, 0.0, 0.2, 3.0)))


class Play:
    """Who acts in it. Each act is one of somebody's."""

    def __init__(self, one: Whole[EngineLink], random: Random) -> None:
        self.one, self.random = one, random
        self.callers = [Caller(one, f"127.0.0.2{place}", f"+1555555020{place}") for place in range(2)]
        self.callees = [Callee(one, port) for port in PORTS]
        self.calling: list[Caller] = []

    async def act(self) -> None:
        await passes(self.random.choice((0.0, 0.01, 0.3, 1.0, 2.0)))
        await self.random.choice(
            (self.calls, self.calls, self.leaves, *2 * (self.answers, self.steers, self.presses))
        )()

    async def calls(self) -> None:
        if self.callers:
            self.calling.append(self.callers.pop())
            self.calling[-1].call()

    async def leaves(self) -> None:
        if self.calling and self.random.random() < 0.5:
            self.random.choice(self.calling).hangup()

    async def answers(self) -> None:
        callee, random = self.random.choice(self.callees), self.random
        over = {event.session for event in callee.events if isinstance(event, Ended)}
        came = [event for event in callee.events if isinstance(event, Invited) and event.session not in over]
        if came:
            invited = random.choice(came)
            sdp, _ = negotiate.answer(invited.sdp or b"", "127.0.0.4", 5000, ("PCMU",), session_id=2, version=1)
            accept, refuse = Accept(invited.session, sdp), Refuse(invited.session, random.choice((486, 480, 603, 500)))
            goes = random.choice((Hangup(invited.session), Refer(invited.session, "sip:carol@127.0.0.9")))
            callee.endpoint.apply(random.choice((accept, accept, accept, refuse, goes)))

    async def steers(self) -> None:
        living, steering, random = sorted(self.one.exchange.living), self.one.steering, self.random
        if not living:
            return
        sid, url = random.choice(living), f"{HOST}/{random.randint(1, 4)}"
        with suppress(ApiError):  # it takes none at the moment
            match random.randrange(5):
                case 0:
                    await steering.complete(sid)
                case 1:
                    await steering.change(sid, ChangeCall(twiml=document(random)))
                case _:
                    await steering.change(sid, ChangeCall(url=url))

    async def presses(self) -> None:
        ports = self.one.link.engine.ports
        rows = [row for row in range(len(ports)) if ports.taken[row] and ports.connected[row]]
        if rows:
            self.one.link.press(self.random.choice(rows), self.random.choice("12*#"))


def told(one: Whole[EngineLink]) -> dict[str, list[dict[str, str]]]:
    """The status callbacks of each call that a Dial has placed."""
    found: dict[str, list[dict[str, str]]] = {}
    for seen in one.web.to("/told"):
        found.setdefault(seen["CallSid"], []).append(seen)
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_they_do_every_call_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    async def main(clock: VirtualClock) -> None:
        random = Random(seed)
        apps = {path: document(random) for path in ("/voice", "/1", "/2", "/3", "/4")}
        async with whole(clock, tmp_path, apps | HEARD) as one:
            for path, text in (apps | HEARD).items():
                one.web.route(f"{HOST}{path}", partial(moody, random, text))
            play = Play(one, random)
            for _ in range(40):
                await play.act()
            for reason in ("the play is over", "what a document began meanwhile"):
                one.exchange.end_all(reason)
                await passes(30)
            services = one.services
            all_of_them = await services.store.calls.page(await one.account_sid(), Page(size=1000), {})
            rows = {row.sid: row for row in all_of_them.rows}
            assert {row.status for row in rows.values()} <= FINAL
            assert (dict(one.exchange.living), services.workers.ports_in_use, services.legs) == ({}, 0, {})
            for kept in (services.store.calls, services.store.recordings, services.store.conferences):
                assert await kept.unfinished() == []
            assert all(not queue.callers for queue in services.queues._live.values())
            for sid, events in told(one).items():
                words = [seen["CallStatus"] for seen in events]
                assert [seen["SequenceNumber"] for seen in events] == [str(number) for number in range(len(events))]
                assert (words[0], words[-1], len(FINAL.intersection(words))) == ("initiated", rows[sid].status, 1)
            assert {row.sid for row in rows.values() if row.parent_call_sid and row.status_callback} == set(told(one))

    run(main)
    assert [record for record in caplog.records if record.exc_info or record.levelno > logging.ERROR] == []
