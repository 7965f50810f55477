"""A number that uses an application is answered by the application's documents, and its callbacks are told."""

from __future__ import annotations

from pathlib import Path

from gateway.store.voice_rows import Application
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, NUMBER, EngineLink, Whole, whole

DOCUMENTS = {"/voice": "<Response><Reject/></Response>", "/app": "<Response><Hangup/></Response>"}


async def uses(
    one: Whole[EngineLink], clock: VirtualClock, voice_url: str | None = None, told: str | None = None
) -> None:
    """The number uses an application with these URLs."""
    store = one.services.store
    number = await store.numbers.find(NUMBER)
    assert number is not None
    now, account_sid = clock.wall(), str(number.account_sid)
    application = Application(
        sid="AP" + "1" * 32,
        account_sid=account_sid,
        date_created=now,
        date_updated=now,
        voice_url=voice_url,
        status_callback=told,
    )
    assert await store.applications.insert(application)
    await store.numbers.update(account_sid, str(number.sid), voice_application_sid=application.sid)


def test_the_application_answers_and_is_told(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            one.web.route(f"{HOST}/told", "")
            await uses(one, clock, f"{HOST}/app", f"{HOST}/told")
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            assert [len(one.web.to(path)) for path in ("/voice", "/app", "/status", "/told")] == [0, 1, 0, 1]

    run(main)


def test_an_application_without_a_document_takes_no_calls(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            await uses(one, clock)
            caller = Caller(one)
            caller.call()
            await caller.gone
            assert not caller.answered()
            assert one.web.to("/voice") == []

    run(main)
