"""Queues in virtual time: who waits and hears what, who is taken first, what the apps are told, what is left behind."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from random import Random
from weakref import ref

import pytest

from gateway.api.engine import ChangeCall
from gateway.calls.queues.queue import Caller, Queue
from gateway.calls.race import Overtaken
from gateway.store.voice_rows import Queue as Row
from sip.commands import Refer
from sip.events import ReferProgress
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.switchboard import Switchboard, staffed
from tests.lib.web import Reply
from tests.lib.whole import HOST, whole

WAIT = "<Enqueue action='/left' waitUrl='/wait'>support</Enqueue>"
AGENT = "<Dial action='/served'><Queue>support</Queue></Dial>"


async def waiting(board: Switchboard, *numbers: int, enqueue: str = WAIT) -> None:
    """These callers wait, each a second longer than the next."""
    board.answers("/wait", "<Say>Please hold the line, somebody will be with you</Say>")
    board.answers("/left", "<Hangup/>")
    board.answers("/served", "<Hangup/>")
    for number in numbers:
        await board.comes(number, enqueue)


def left(board: Switchboard) -> list[tuple[str, str, str]]:
    """From, QueueResult, QueueTime of each that the action was told of."""
    return [(one["From"][-1], one["QueueResult"], one["QueueTime"]) for one in board.to("/left")]


def test_who_waits_hears_the_wait_document_again_and_again_with_its_place(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, 2)
        await passes(20)
        told = [one for one in board.to("/wait") if one["From"].endswith("2")]
        assert len(told) > 3
        first = told[0]
        names = ("QueuePosition", "QueueTime", "AvgQueueTime", "CurrentQueueSize", "MaxQueueSize")
        assert [first[name] for name in names] == ["2", "0", "0", "2", "1000"]
        assert first["QueueSid"].startswith("QU")
        assert [one["QueuePosition"] for one in told] == ["2"] * len(told)
        assert int(told[-1]["QueueTime"]) >= 14
        assert int(told[-1]["AvgQueueTime"]) > int(told[-1]["QueueTime"]) - 1
        board.callers[1].hangup()
        await passes(10)
        assert [one for one in board.to("/wait") if one["From"].endswith("2")][-1]["QueuePosition"] == "1"
        assert left(board) == [("1", "hangup", "22")]

    staffed(tmp_path, test)


def test_without_a_wait_url_there_is_music_and_an_empty_one_is_silence(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, enqueue="<Enqueue>support</Enqueue>")
        await waiting(board, 2, enqueue="<Enqueue waitUrl=''>support</Enqueue>")
        await passes(30)
        assert (board.hears_something(1), board.hears_something(2)) == (True, False)
        await board.comes(3, AGENT)
        assert board.joined(1, 3)
        assert not board.hears_something(1)

    staffed(tmp_path, test)


def test_a_wait_url_that_is_audio_is_played_again_and_again(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.one.web.route(f"{HOST}/music", Reply(b"RIFF", content_type="audio/wav"))
        caller = await board.comes(1, "<Enqueue waitUrl='/music'>support</Enqueue>")
        await passes(30)
        assert not caller.gone.done()
        assert len(board.to("/music")) > 5
        assert await board.warned() == []

    staffed(tmp_path, test)


def test_agents_take_the_callers_in_their_order(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, 2)
        await board.comes(3, AGENT)
        assert board.joined(1, 3)
        await board.comes(4, AGENT)
        assert board.joined(2, 4)
        sids = {number: board.sid(number) for number in (1, 2, 3, 4)}
        await passes(9)
        board.callers[3].hangup()
        await passes(1)
        assert left(board) == [("1", "bridged", "2")]
        board.callers[2].hangup()
        await passes(1)
        assert left(board) == [("1", "bridged", "2"), ("2", "bridged", "2")]
        first, second = board.to("/served")
        assert (first["DialCallStatus"], first["DialBridged"], first["DequeueResult"]) == (
            "completed", "true", "bridged",
        )  # fmt: skip
        assert (first["DequeueingCallSid"], first["DequeuedCallSid"]) == (sids[3], sids[1])
        assert (first["DequeuedCallQueueTime"], first["DequeuedCallDuration"]) == ("2", "11")
        assert second["DequeuedCallSid"] == sids[2]
        assert first["QueueSid"] == second["QueueSid"] == board.to("/left")[0]["QueueSid"]

    staffed(tmp_path, test)


def test_agents_wait_in_their_order_for_callers(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        board.callers[1].hangup()
        await passes(1)
        for agent in (3, 4, 5):
            await board.comes(agent, AGENT)
        await passes(60)
        board.callers[3].hangup()
        await passes(1)
        assert board.to("/served")[-1]["DialCallStatus"] == "canceled"
        await waiting(board, 1, 2)
        assert (board.joined(1, 4), board.joined(2, 5)) == (True, True)

    staffed(tmp_path, test)


def test_an_agent_may_be_impatient(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        board.callers[1].hangup()
        await passes(1)
        await board.comes(3, AGENT.replace("<Dial", "<Dial timeout='20'"))
        assert board.hears_something(3)  # it rings
        await passes(20)
        (served,) = board.to("/served")
        assert (served["DialCallStatus"], served["DequeueResult"]) == ("no-answer", "queue-empty")

    staffed(tmp_path, test)


def test_a_queue_that_nobody_made_fails_the_dial(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.answers("/served", "<Hangup/>")
        await board.comes(3, AGENT)
        (served,) = board.to("/served")
        assert (served["DialCallStatus"], served["DequeueResult"]) == ("failed", "queue-not-found")
        assert await board.warned() == [14210]

    staffed(tmp_path, test)


def test_the_caller_hears_the_document_of_the_noun_before_the_two_talk(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.answers("/whisper", "<Say>You are recorded</Say>")
        await waiting(board, 1)
        await board.comes(3, "<Dial action='/served'><Queue url='/whisper'>support</Queue></Dial>")
        assert not board.joined(1, 3)
        (told,) = board.to("/whisper")
        assert (told["CallSid"], told["DequeingCallSid"], told["QueueTime"]) == (board.sid(1), board.sid(3), "1")
        assert told["QueueSid"].startswith("QU")
        await passes(1)
        assert board.joined(1, 3)

    staffed(tmp_path, test)


def test_a_whisper_that_cannot_be_had_joins_them_without(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        await board.comes(3, "<Dial><Queue url='/gone'>support</Queue></Dial>")
        assert board.joined(1, 3)
        assert await board.warned() == [14211]

    staffed(tmp_path, test)


def test_who_hangs_up_during_the_whisper_leaves_the_agent_the_next(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.answers("/whisper", "<Say>You will be connected at once, please hold on</Say>")
        await waiting(board, 1, 2)
        await board.comes(3, "<Dial action='/served'><Queue url='/whisper'>support</Queue></Dial>")
        board.callers[1].hangup()
        await passes(1)
        assert left(board) == [("1", "bridging-in-process", "2")]
        await passes(6)
        assert board.joined(2, 3)

    staffed(tmp_path, test)


def test_an_agent_who_hangs_up_during_the_whisper_leaves_the_caller_the_first(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.answers("/whisper", "<Say>You will be connected at once, please hold on</Say>")
        await waiting(board, 1, 2)
        await board.comes(3, "<Dial action='/served'><Queue url='/whisper'>support</Queue></Dial>")
        board.callers[3].hangup()
        await passes(6)
        assert board.to("/wait")[-1]["QueuePosition"] in ("1", "2")
        assert {one["QueuePosition"] for one in board.to("/wait")[-2:]} == {"1", "2"}
        await board.comes(4, AGENT)
        assert board.joined(1, 4)
        assert left(board) == []

    staffed(tmp_path, test)


def test_leave_takes_the_caller_out_and_its_action_or_document_goes_on(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.answers("/wait", "<Say>Hold on</Say>", "<Leave/><Say>never heard</Say>")
        board.answers("/left", "<Hangup/>")
        board.answers("/next", "<Hangup/>")
        caller = await board.comes(1, WAIT)
        await passes(5)
        assert left(board) == [("1", "leave", "2")]
        assert caller.gone.done()
        await board.comes(2, "<Enqueue waitUrl='/wait'>support</Enqueue><Redirect>/next</Redirect>")
        assert [one["From"][-1] for one in board.to("/next")] == ["2"]

    staffed(tmp_path, test)


def test_a_gather_in_the_wait_document_leads_on_inside_of_the_queue(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.answers("/menu", "<Gather numDigits='1' action='/choice'><Say>Press 1 to be called back</Say></Gather>")
        board.answers("/choice", "<Say>Your place is kept</Say>", "<Leave/>")
        await waiting(board, 1, enqueue=WAIT.replace("/wait", "/menu"))
        board.one.link.press(board.row(1), "2")
        await passes(4)
        (chosen,) = board.to("/choice")
        assert (chosen["Digits"], chosen["QueuePosition"]) == ("2", "1")
        assert len(board.to("/menu")) == 2
        assert "Digits" not in board.to("/menu")[1]
        board.one.link.press(board.row(1), "1")
        await passes(2)
        assert left(board) == [("1", "leave", "5")]

    staffed(tmp_path, test)


def test_cookies_of_a_call_last_through_the_queue(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.one.web.route(f"{HOST}/wait", Reply("<Response><Leave/></Response>", cookies=("place=window; Path=/",)))
        board.answers("/left", "<Hangup/>")
        await board.comes(1, WAIT)
        (told,) = board.one.web.at(f"{HOST}/left")
        assert {name.lower(): value for name, value in told.headers.items()}["cookie"] == "place=window"

    staffed(tmp_path, test)


def test_a_hangup_in_the_wait_document_ends_the_call(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        board.answers("/wait", "<Say>We are closed</Say><Hangup/>")
        board.answers("/left", "<Hangup/>")
        caller = await board.comes(1, WAIT)
        await passes(2)
        assert caller.gone.done()
        assert left(board) == [("1", "hangup", "1")]

    staffed(tmp_path, test)


def test_a_wait_document_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, enqueue=WAIT.replace("/wait", "/gone"))
        assert left(board) == [("1", "error", "0")]
        assert await board.warned() == [11200]

    staffed(tmp_path, test)


def test_verbs_that_a_wait_document_may_not_have_are_left_out_with_a_warning(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, enqueue=WAIT.replace("/wait", "/odd"))
        board.callers[1].hangup()
        board.answers("/odd", "<Dial>+15555550123</Dial><Leave/>")
        await board.comes(2, WAIT.replace("/wait", "/odd"))
        assert left(board)[-1] == ("2", "leave", "0")
        assert (await board.warned())[-1] == 14202

    staffed(tmp_path, test)


def test_a_full_queue_takes_nobody(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, 2, enqueue=WAIT.replace("<Enqueue", "<Enqueue maxQueueSize='1'"))
        assert left(board) == [("2", "queue-full", "0")]
        assert board.to("/left")[0]["QueueSid"] == board.to("/wait")[0]["QueueSid"]
        assert await board.warned() == [14207]

    staffed(tmp_path, test)


def test_another_document_takes_a_caller_out_of_the_queue_or_of_the_talk(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, 2)
        board.answers("/elsewhere", "<Pause length='60'/>")
        elsewhere = ChangeCall(url=f"{HOST}/elsewhere")
        await board.one.steering.change(board.sid(1), elsewhere)
        await passes(1)
        assert left(board) == [("1", "redirected", "2")]
        await board.comes(3, AGENT)
        assert board.joined(2, 3)
        await board.one.steering.change(board.sid(2), elsewhere)
        await passes(1)
        assert left(board)[-1] == ("2", "redirected-from-bridged", "2")
        assert [one["From"][-1] for one in board.to("/elsewhere")] == ["1", "2"]
        assert board.to("/served")[0]["DequeueResult"] == "bridged"
        assert (board.one.link.engine.ports.peer >= 0).sum() == 0

    staffed(tmp_path, test)


def test_an_agent_who_is_redirected_gives_the_caller_back_to_its_document(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        board.answers("/elsewhere", "<Pause length='60'/>")
        await board.comes(3, AGENT)
        await board.one.steering.change(board.sid(3), ChangeCall(url=f"{HOST}/elsewhere"))
        await passes(1)
        assert left(board) == [("1", "bridged", "1")]
        assert board.to("/served") == []

    staffed(tmp_path, test)


def test_the_agents_star_and_the_time_limit_end_the_talk(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, 2)
        dial = "<Dial action='/served' {}><Queue>support</Queue></Dial>"
        await board.comes(3, dial.format("hangupOnStar='true'"))
        board.one.link.press(board.row(3), "*")
        await passes(1)
        assert left(board) == [("1", "bridged", "2")]
        await board.comes(4, dial.format("timeLimit='5'"))
        await passes(5)
        assert left(board)[-1] == ("2", "bridged", "3")
        assert [one["DequeuedCallDuration"] for one in board.to("/served")] == ["1", "5"]

    staffed(tmp_path, test)


REFERS = AGENT.replace("<Dial", "<Dial referUrl='/transfer'")


def test_an_agent_transfers_the_caller(tmp_path: Path) -> None:
    """The document of referUrl goes on with the caller, who is told to its Enqueue as redirected."""

    async def test(board: Switchboard) -> None:
        board.answers("/transfer", "<Pause length='30'/>")
        await waiting(board, 1)
        agent, caller = await board.comes(2, REFERS), board.sid(1)
        agent.endpoint.apply(Refer("c", "sip:carol@example.com"))
        await passes(4)
        (asked,), (served,) = board.to("/transfer"), board.to("/served")
        assert (asked["CallSid"], asked["ReferTransferTarget"]) == (caller, "sip:carol@example.com")
        assert (served["DialCallStatus"], served["DequeueResult"], agent.gone.done()) == ("completed", "bridged", True)
        assert [event.status for event in agent.events if isinstance(event, ReferProgress)] == [100, 200]
        assert [one[1] for one in left(board)] == ["redirected-from-bridged"]
        assert not board.callers[1].gone.done()

    staffed(tmp_path, test)


def test_a_caller_transfers_the_agent(tmp_path: Path) -> None:
    """The document of referUrl goes on with the agent, and the action of its Dial is not asked."""

    async def test(board: Switchboard) -> None:
        board.answers("/transfer", "<Pause length='30'/>")
        await waiting(board, 1)
        agent, caller = await board.comes(2, REFERS), board.callers[1]
        caller.endpoint.apply(Refer("c", "sip:carol@example.com"))
        await passes(4)
        (asked,) = board.to("/transfer")
        assert (asked["CallSid"], board.to("/served")) == (board.sid(2), [])
        assert [event.status for event in caller.events if isinstance(event, ReferProgress)] == [100, 200]
        assert (caller.gone.done(), agent.gone.done()) == (True, False)
        assert [one[1] for one in left(board)] == ["bridged"]

    staffed(tmp_path, test)


def test_without_a_refer_url_nobody_is_transferred(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        agent = await board.comes(2, AGENT)
        agent.endpoint.apply(Refer("c", "sip:carol@example.com"))
        await passes(2)
        assert (board.joined(1, 2), await board.warned()) == (True, [13802])

    staffed(tmp_path, test)


def test_an_agent_keeps_ringing_until_it_is_joined_where_the_dial_says_so(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        board.callers[1].hangup()
        await passes(1)
        agent = await board.comes(3, AGENT.replace("<Dial", "<Dial answerOnBridge='true'"))
        await passes(20)
        assert not agent.answered()
        await waiting(board, 2)
        assert agent.answered()
        assert board.joined(2, 3)

    staffed(tmp_path, test)


def test_the_talk_is_recorded(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        await board.comes(3, AGENT.replace("<Dial", "<Dial record='record-from-answer-dual'"))
        await passes(3)
        board.callers[1].hangup()
        await passes(2)
        (served,) = board.to("/served")
        assert served["RecordingDuration"] == "4"
        assert served["RecordingSid"].startswith("RE")

    staffed(tmp_path, test)


def test_callers_and_agents_on_two_media_workers_are_joined(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        await board.comes(3, AGENT)
        workers = board.one.services.workers.workers
        legs = [board.one.exchange.calls[board.sid(number)].leg for number in (1, 3)]
        ports = [leg.port for leg in legs if leg is not None and leg.port is not None]
        assert ports[0].worker is not ports[1].worker
        assert [worker.in_use for worker in workers] == [2, 2]
        for port in ports:
            peers = board.one.links[port.worker.number].engine.ports.peer
            assert peers[port.number] >= 0
        board.callers[3].hangup()
        await passes(3)
        assert [worker.in_use for worker in workers] == [0, 0]

    staffed(tmp_path, test, workers=2)


def test_a_queue_outlives_a_restart_and_its_callers_do_not(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        for _ in range(2):
            async with whole(clock, tmp_path, {"/voice": ""}) as one:
                board = Switchboard(one)
                await waiting(board, 1)
                sid = board.to("/wait")[0]["QueueSid"]
                board.callers[1].hangup()
                await passes(60)
                found = await one.services.store.queues.named(one.web.to("/wait")[0]["AccountSid"], "support")
                assert found is not None
                assert found.sid == sid

    run(main)


@pytest.mark.parametrize("agents", [1, 3])
def test_callers_who_come_and_go_while_agents_wait_leave_nobody_behind(tmp_path: Path, agents: int) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1)
        board.callers[1].hangup()
        await passes(1)
        for number in range(3, 3 + agents):
            await board.comes(number, AGENT, seconds=0.0)
        for tenths in range(1, 7):
            for number in (1, 2):
                await board.comes(number, WAIT, seconds=0.1 * tenths)
            for number in (1, 2):
                board.callers[number].hangup()
            await passes(1)
        row = await board.one.services.store.queues.named(board.to("/left")[0]["AccountSid"], "support")
        assert row is not None
        assert board.one.services.queues.of(row).callers == []
        assert len(left(board)) == 13
        assert {result for _, result, _ in left(board)} <= {"hangup", "bridged", "bridging-in-process"}

    staffed(tmp_path, test)


def test_an_agent_who_goes_as_a_caller_comes_leaves_it_to_the_next() -> None:
    async def main(clock: VirtualClock) -> None:
        now, loop = clock.wall(), asyncio.get_running_loop()
        queue = Queue(Row(sid="QU", account_sid="AC", date_created=now, date_updated=now, friendly_name="q"))
        goes, stays = loop.create_future(), loop.create_future()
        first, second = (asyncio.create_task(queue.next(stop)) for stop in (goes, stays))
        await passes(1)
        goes.set_result(None)
        await asyncio.sleep(0)
        caller = queued(clock)
        queue.enter(caller)
        assert await second is caller
        assert isinstance(first.exception(), Overtaken)

    run(main)


def test_a_caller_who_goes_as_it_is_called_leaves_the_agent_its_place() -> None:
    async def main(clock: VirtualClock) -> None:
        now, loop = clock.wall(), asyncio.get_running_loop()
        queue = Queue(Row(sid="QU", account_sid="AC", date_created=now, date_updated=now, friendly_name="q"))
        first, second = (asyncio.create_task(queue.next(loop.create_future())) for _ in range(2))
        await passes(1)
        gone, comes, last = queued(clock), queued(clock), queued(clock)
        queue.enter(gone)
        queue.leave(gone)
        await passes(1)
        queue.enter(comes)
        queue.enter(last)
        assert [await first, await second] == [comes, last]

    run(main)


@pytest.mark.parametrize("seed", range(20))
def test_whoever_comes_and_goes_nobody_waits_for_somebody_who_waits(seed: int) -> None:
    """Callers and agents in any order: each agent has the first caller, and never do both wait."""

    async def main(clock: VirtualClock) -> None:
        random, loop, now = Random(seed), asyncio.get_running_loop(), clock.wall()
        queue = Queue(Row(sid="QU", account_sid="AC", date_created=now, date_updated=now, friendly_name="q"))
        came: list[Caller] = []
        agents: list[tuple[asyncio.Task[Caller], asyncio.Future[None]]] = []
        for _ in range(200):
            match random.randrange(5):
                case 0 | 1:
                    came.append(queued(clock))
                    queue.enter(came[-1])
                case 2 if queue.callers:
                    gone = random.choice(queue.callers)
                    queue.leave(gone)
                    came.remove(gone)
                case 3 if staying := [stop for _, stop in agents if not stop.done()]:
                    random.choice(staying).set_result(None)
                case _:
                    stop = loop.create_future()
                    agents.append((asyncio.create_task(queue.next(stop)), stop))
            await passes(random.choice([0.0, 1.0]))
            if random.random() < 0.5:
                await passes(1.0)
                waits = [task for task, _ in agents if not task.done()]
                assert not (queue.callers and waits)
                for task, _ in agents:
                    if task.done() and task.exception() is None:
                        assert task.result() is came.pop(0)
                agents = [(task, stop) for task, stop in agents if not task.done()]
        for _, stop in agents:
            if not stop.done():
                stop.set_result(None)
        await asyncio.gather(*(task for task, _ in agents), return_exceptions=True)

    run(main)


def test_callers_and_agents_who_are_gone_are_freed_without_the_collector(tmp_path: Path) -> None:
    async def test(board: Switchboard) -> None:
        await waiting(board, 1, 2)
        await board.comes(3, AGENT.replace("<Queue", "<Queue url='/wait'"))
        await passes(8)
        assert board.joined(1, 3)
        calls = [ref(call) for call in board.one.exchange.calls.values()]
        gc.collect()
        gc.disable()
        try:
            for caller in board.callers.values():
                caller.hangup()
            await passes(3)
            assert [call() for call in calls] == [None, None, None]
        finally:
            gc.enable()

    staffed(tmp_path, test)


def queued(clock: VirtualClock) -> Caller:
    return Caller(None, clock.wall(), 0.0)  # type: ignore[arg-type]
