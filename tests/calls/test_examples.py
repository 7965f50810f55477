"""The apps in `examples/`, each with somebody who calls it or is called by it, in virtual time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.lib.apps import SECOND, Played, play
from tests.lib.loop import passes
from tests.lib.whole import HOST, NUMBER

CALLER = "+15555550123"
SALES, BILLING = "+15555550141", "+15555550142"


def test_phone_tree(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        caller = await stage.call()
        assert stage.heard() == module.MENUS["main"]
        await stage.press(CALLER, "3")
        assert "nine to five" in stage.heard()
        await passes(5)
        await stage.press(CALLER, "2")
        assert stage.heard().endswith("To go back, press star.")
        await stage.press(CALLER, "*")
        assert stage.heard() == module.MENUS["main"]
        await stage.press(CALLER, "2")
        await stage.press(CALLER, "1")
        stage.phones.refuses(BILLING, 486)
        await passes(3)
        assert "Nobody can take your call" in stage.heard()
        await passes(3)
        await stage.press(CALLER, "1")
        stage.phones.picks_up(SALES)
        await passes(1)
        assert await stage.talk(CALLER, SALES)
        stage.phones.hangs_up(SALES)
        await passes(5)
        assert stage.heard().endswith("Thank you for calling. Goodbye.")
        assert caller.gone.done()

    play(tmp_path, "phone_tree", test)


def test_a_phone_tree_that_hears_nothing_says_goodbye(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        caller = await stage.call()
        await passes(60)
        assert stage.heard().count("For sales") == module.PATIENCE
        assert caller.gone.done()

    play(tmp_path, "phone_tree", test)


def test_voicemail(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        caller = await stage.call()
        assert not caller.answered()
        await passes(16)
        assert stage.phones.rings(module.OWNER) is None
        assert "leave a message" in stage.heard()
        await passes(8)
        await stage.speak(CALLER, 3)
        await passes(12)  # five seconds of silence end the message
        assert "Your message is kept" in stage.heard()
        assert caller.gone.done()
        (message,) = await stage.ask("GET", "/messages")
        assert int(message["seconds"]) >= 3
        owner = await stage.call(module.OWNER)
        await passes(3)
        assert "Messages for you: 1." in stage.heard()
        await passes(10)
        await stage.press(module.OWNER, "3")
        await passes(5)
        assert owner.gone.done()
        assert await stage.ask("GET", "/messages") == []

    play(tmp_path, "voicemail", test)


def test_an_owner_who_answers_has_no_message(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        caller = await stage.call()
        stage.phones.picks_up(module.OWNER)
        await passes(1)
        assert caller.answered()
        assert await stage.talk(CALLER, module.OWNER)
        caller.hangup()
        await passes(2)
        assert (stage.heard(), module.messages) == ("", [])

    play(tmp_path, "voicemail", test)


def test_conference_line(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        guests = ["+15555550121", "+15555550122"]
        for guest in guests:
            await stage.call(guest)
            await stage.press(guest, "0000" if guest == guests[0] else module.GUEST)
        assert "That code is not right." in stage.heard()
        await passes(4)
        await stage.press(guests[0], module.GUEST)
        assert "The moderator is not here yet" in stage.heard()
        moderator = await stage.call(CALLER)
        await stage.press(CALLER, module.MODERATOR)
        conference = stage.one.services.conferences.named(await stage.one.account_sid(), module.ROOM)
        assert conference is not None
        assert conference.row.status == "in-progress"
        assert len(conference.recordings) == 1
        await stage.ask("POST", "/mute")
        members = {one.call.row.from_: one for one in conference.members.values()}
        assert {name: one.muted for name, one in members.items()} == {guests[0]: True, guests[1]: True, CALLER: False}
        moderator.hangup()
        await passes(2)
        assert "You have left the conference" in stage.heard()
        assert conference.over.done()

    play(tmp_path, "conference_line", test)


def test_support_queue(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        callers = ["+15555550121", "+15555550122", "+15555550124"]
        for caller in callers:
            await stage.call(caller)
            await passes(5)
        assert "You are number 3 in the queue." in stage.heard()
        await stage.press(callers[1], "1")
        await passes(3)
        assert "leave a message" in stage.heard()
        await stage.call(CALLER, to=SECOND)
        assert "You get the next caller." in stage.heard()
        await passes(6)
        assert "An agent will now talk to you." in stage.heard()
        await passes(7)
        assert await stage.talk(callers[0], CALLER)
        await stage.press(CALLER, "*")
        assert "Thank you for calling. Goodbye." in stage.heard()
        await passes(15)
        assert await stage.talk(callers[2], CALLER)
        left, kept, served = stage.one.web.to("/left")
        assert (left["QueueResult"], served["QueueResult"]) == ("leave", "bridged")
        assert "RecordingUrl" in kept

    play(tmp_path, "support_queue", test, second="/agent")


def test_warm_transfer(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        first, second = module.FIRST, module.SECOND
        caller = await stage.call()
        sid = stage.one.web.to("/voice")[0]["CallSid"]
        stage.phones.picks_up(first)
        await passes(5)
        conference = stage.one.services.conferences.named(await stage.one.account_sid(), sid)
        assert conference is not None
        assert conference.row.status == "in-progress"
        await stage.ask("POST", "/transfer", CallSid=sid)
        stage.phones.picks_up(second)
        await passes(6)
        assert "hands a caller over" in stage.heard()
        assert len(conference.members) == 3
        stage.phones.hangs_up(first)
        await passes(1)
        assert {one.call.row.from_ for one in conference.members.values()} == {CALLER, NUMBER}
        assert not caller.gone.done()
        stage.phones.hangs_up(second)
        await passes(2)
        assert caller.gone.done()

    play(tmp_path, "warm_transfer", test)


def test_call_tracking(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        caller = await stage.call()
        stage.phones.picks_up(module.SALES)
        await passes(2)
        assert "A call of the summer campaign." in stage.heard()
        assert not await stage.talk(CALLER, module.SALES)
        await stage.press(module.SALES, "1")
        assert await stage.talk(CALLER, module.SALES)
        await passes(9)
        caller.hangup()
        await passes(2)
        other = await stage.call("+15555550124", to=SECOND)
        stage.phones.picks_up(module.SALES)
        await passes(20)
        assert "We will call you back." in stage.heard()
        await passes(5)
        assert other.gone.done()
        report = await stage.ask("GET", "/report")
        assert report == {"summer": {"calls": 1, "seconds": 10}, "radio": {"calls": 1, "seconds": 0}}

    play(tmp_path, "call_tracking", test, second="/voice")


def test_two_factor(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        made = await stage.ask("POST", "/codes", to=CALLER)
        assert await stage.ask("GET", f"/codes/{made['call']}") == {"status": "ringing"}
        stage.phones.picks_up(CALLER)
        await passes(15)
        said = re.search(r"Your code is: ([\d, ]+)\.", stage.heard())
        assert said is not None
        code = said[1].replace(", ", "")
        assert len(code) == 6
        assert await stage.ask("POST", "/checks", to=CALLER, code="12345") == {"status": "denied"}
        assert await stage.ask("POST", "/checks", to=CALLER, code=code) == {"status": "approved"}
        assert await stage.ask("POST", "/checks", to=CALLER, code=code) == {"status": "expired"}
        assert await stage.ask("GET", f"/codes/{made['call']}") == {"status": "completed"}
        assert "not a valid phone number" in (await stage.ask("POST", "/codes", to="nobody"))["error"]
        await stage.ask("POST", "/codes", to=CALLER)
        for _ in range(module.TRIES):
            assert await stage.ask("POST", "/checks", to=CALLER, code="no") == {"status": "denied"}
        assert await stage.ask("POST", "/checks", to=CALLER, code="no") == {"status": "expired"}

    play(tmp_path, "two_factor", test)


def test_reminder(tmp_path: Path) -> None:
    async def test(stage: Played, module: Any) -> None:
        people = ["+15555550121", "+15555550122", "+15555550124"]
        for person in people:
            await stage.ask("POST", "/reminders", to=person, when="tomorrow at nine")
        stage.phones.picks_up(people[0])
        stage.phones.refuses(people[1], 486)
        await passes(3)
        assert "You have an appointment tomorrow at nine." in stage.heard()
        await stage.press(people[0], "1")
        await passes(5)
        assert "Your appointment is confirmed. Goodbye." in stage.heard()
        assert stage.phones.rings(people[0]) is None
        stage.phones.picks_up(people[1])  # it is called again
        await passes(2)
        await stage.press(people[1], "2")
        await passes(45)
        statuses = [one["status"] for one in await stage.ask("GET", "/reminders")]
        assert statuses == ["confirmed", "cancelled", "no-answer"]
        assert [await stage.calls_to(person) for person in people] == [1, 2, 2]

    play(tmp_path, "reminder", test)


def test_an_example_names_no_gateway_but_by_its_base_url() -> None:
    """They are apps for Twilio: what they import, and where they ask, is Twilio's."""
    for path in (Path(__file__).parents[2] / "examples").glob("*.py"):
        text = path.read_text()
        assert not re.search(r"(?m)^(import|from) (gateway|sip|media)\b", text), path.name
        assert ("rest import Client" in text) == ("TWILIO_BASE_URL" in text), path.name
        assert HOST not in text
