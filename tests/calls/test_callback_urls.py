"""URLs of callbacks in a document are relative to it (twiml-voice.md: relative URLs)."""

from __future__ import annotations

from pathlib import Path

from gateway.api.engine import CreateCall
from gateway.calls import callback_urls
from tests.lib.callcontrol import ran
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import ABROAD, dial, notes, route, trunk
from tests.lib.whole import HOST, NUMBER, fake_media, whole_with

RECORD = "<Response><Record action='/after' recordingStatusCallback='recorded' maxLength='2'/></Response>"


def test_a_dial_and_its_number_call_back_beside_the_document(tmp_path: Path) -> None:
    noun = f"<Number statusCallback='told'>{ABROAD}</Number>"

    async def main(clock: VirtualClock) -> None:
        documents = dial("record='record-from-answer' recordingStatusCallback='/recorded'", noun)
        async with whole_with(fake_media, clock, tmp_path, documents) as one:
            for path in ("/told", "/recorded"):
                one.web.route(HOST + path, "")
            caller, callee = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.4"])
            await route(one, "acme")
            caller.call()
            await passes(1)
            callee.answer()
            await passes(2)
            caller.hangup()
            await passes(40)
            assert [seen["CallStatus"] for seen in one.web.to("/told")] == ["completed"]
            assert [seen["RecordingStatus"] for seen in one.web.to("/recorded")] == ["completed"]

    run(main)


def test_a_recording_calls_back_beside_the_document(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, {"/voice": RECORD, "/after": "<Response/>"}) as one:
            one.web.route(f"{HOST}/recorded", "")
            caller = Peer(one, "127.0.0.3")
            caller.call()
            await passes(1)
            caller.hangup()
            await passes(40)
            assert [seen["RecordingStatus"] for seen in one.web.to("/recorded")] == ["completed"]

    run(main)


def test_a_document_without_a_url_needs_absolute_ones(tmp_path: Path) -> None:
    """The call goes on, and its log says what nobody will be told."""
    noun = f"<Response><Dial><Number statusCallback='/told'>{ABROAD}</Number></Dial></Response>"

    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, {"/voice": "<Response/>"}) as one:
            far, callee = Peer(one, "127.0.0.5"), Peer(one, "127.0.0.4")
            for name, ip, prefix in (("near", "127.0.0.5", "+1"), ("acme", "127.0.0.4", "+44")):
                await trunk(one, name, uris=[f"sip:{ip}"])
                await route(one, name, prefix=prefix)
            (account,) = await one.services.store.accounts.all()
            await one.exchange.create(account.account_sid, CreateCall(to="+12125550123", from_=NUMBER, twiml=noun))
            await passes(1)
            far.answer()
            await passes(1)
            callee.refuse(486)
            await passes(40)
            assert [note for note in await notes(one) if "/told" in note] == [
                "nobody is called back at /told: '/told' is not an absolute HTTP URL"
            ]

    run(main)


def test_a_callback_of_a_recording_that_is_none_has_twilios_code() -> None:
    """13256 in a Dial, 13621 in a Record."""
    warned: list[int] = []
    wrong = "recordingStatusCallback='ftp://a.example/'"
    dial = ran(f"<Dial {wrong}>+1</Dial>").call.dial_plan
    record = ran(f"<Record {wrong}/>").call.plan
    assert dial is not None
    assert record is not None
    assert callback_urls.of_dial(dial, HOST, lambda code, _: warned.append(code)).recording_status_callback is None
    assert callback_urls.of_record(record, HOST, lambda code, _: warned.append(code)).status_callback is None
    assert warned == [13256, 13621]
