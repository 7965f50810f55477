"""What an app is asked in the course of a call, line by line of Twilio's description (webhooks.md §1, §3, §5, §6)."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.web import Reply, Seen
from tests.lib.whole import HOST, NUMBER, Whole, whole

HANGUP = "<Response><Hangup/></Response>"
PLACES = [f"{who}{what}" for who in ("From", "To", "Caller", "Called") for what in ("City", "State", "Zip", "Country")]


async def numbered(one: Whole[Any], **fields: str) -> None:
    """Changes the number that is called."""
    await one.services.store.numbers.amend(NUMBER, **fields)


async def call(one: Whole[Any], seconds: float = 5, host: str = "127.0.0.3") -> None:
    Caller(one, host).call()
    await passes(seconds)


def test_the_first_request_has_the_standard_parameters_and_empty_places_and_nothing_unknown(tmp_path: Path) -> None:
    """Absent where unknown: ForwardedFrom, CallerName, ParentCallSid, StirVerstat; geographic fields are sent empty."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": HANGUP}) as one:
            await call(one)
            (said,) = one.web.to("/voice")
            assert re.fullmatch("CA[0-9a-f]{32}", said["CallSid"])
            assert re.fullmatch("AC[0-9a-f]{32}", said["AccountSid"])
            assert (said["To"], said["Called"]) == (NUMBER, NUMBER)
            assert said["From"] == said["Caller"]
            assert (said["CallStatus"], said["Direction"], said["ApiVersion"]) == ("ringing", "inbound", "2010-04-01")
            assert [said[name] for name in PLACES] == [""] * 16
            assert not {"ForwardedFrom", "CalledVia", "CallerName", "ParentCallSid", "StirVerstat"} & said.keys()

    run(main)


def test_a_get_has_the_parameters_behind_its_query_and_its_document_can_ask_for_itself(tmp_path: Path) -> None:
    """A Redirect without a URL is the document itself; the parameters are not there twice then."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            answers = ["<Response><Pause length='1'/><Redirect method='GET'></Redirect></Response>", HANGUP]
            one.web.route(f"{HOST}/voice", lambda _: answers.pop(0))
            await numbered(one, voice_url=f"{HOST}/voice?menu=main", voice_method="GET")
            await call(one)
            first, second = one.web.at(f"{HOST}/voice")
            for seen in (first, second):
                assert seen.url.startswith(f"{HOST}/voice?menu=main&CallSid=CA")
                assert seen.url.count("CallSid=") == 1

    run(main)


def test_cookies_last_from_the_first_document_to_the_last_of_a_call_and_no_longer(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/last": HANGUP}) as one:
            redirect = "<Response><Redirect>/last</Redirect></Response>"
            one.web.route(f"{HOST}/voice", Reply(redirect, cookies=("session=abc; Path=/",)))
            await call(one)
            await call(one, host="127.0.0.5")
            first, last, again, _ = [seen for seen in one.web.requests if not seen.url.endswith("/status")]
            assert last.headers["Cookie"] == "session=abc"
            assert "Cookie" not in first.headers
            assert "Cookie" not in again.headers

    run(main)


def test_cookies_go_to_every_document_of_the_call_the_wait_music_of_its_queue_too(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/wait": "<Response><Leave/></Response>", "/after": HANGUP}) as one:
            document = "<Response><Enqueue waitUrl='/wait' action='/after'>support</Enqueue></Response>"
            one.web.route(f"{HOST}/voice", Reply(document, cookies=("session=abc; Path=/",)))
            await call(one)
            for path in ("/wait", "/after"):
                (seen,) = one.web.at(HOST + path)
                assert seen.headers["Cookie"] == "session=abc"

    run(main)


def test_credentials_of_the_voice_url_hold_for_what_is_relative_to_it(tmp_path: Path) -> None:
    """And only there: another host is not told them, and neither is a fallback's ErrorUrl."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:

            def ask(seen: Seen) -> Reply:
                if "Authorization" not in seen.headers:
                    return Reply(status=401, headers={"WWW-Authenticate": "Basic realm=x"})
                return Reply("<Response><Redirect>next</Redirect></Response>" if "voice" in seen.url else HANGUP)

            for path in ("/voice", "/next"):
                one.web.route(HOST + path, ask)
            await numbered(one, voice_url=f"{HOST}/voice".replace("://", "://user:p%40ss@"))
            await call(one)
            (_, answered) = one.web.at(f"{HOST}/next")
            assert answered.headers["Authorization"] == "Basic " + b64encode(b"user:p@ss").decode()

    run(main)


@pytest.mark.parametrize(("fragment", "requests"), [("#rc=3&rp=5xx", 4), ("#rc=3", 1), ("#rc=5&rp=all", 6), ("", 1)])
def test_a_numbers_url_has_connection_overrides(tmp_path: Path, fragment: str, requests: int) -> None:
    """Every retry carries the same token, and the fragment is neither sent nor signed."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            one.web.route(f"{HOST}/voice", Reply(status=500))
            await numbered(one, voice_url=f"{HOST}/voice{fragment}")
            await call(one)
            asked = one.web.at(f"{HOST}/voice")
            assert len(asked) == requests
            assert len({seen.headers["I-Twilio-Idempotency-Token"] for seen in asked}) == 1
            assert len({seen.headers["X-Twilio-Signature"] for seen in asked}) == 1

    run(main)


@pytest.mark.parametrize(
    ("url", "code"),
    [(f"{HOST}/voice#ct=99", 11243), (f"{HOST}/voice#e=atlantis", 11240), ("http://an_app.example/", 11210)],
)
def test_what_cannot_be_asked_is_told_by_its_code(tmp_path: Path, url: str, code: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            await numbered(one, voice_url=url)
            await call(one, 20)
            (row,) = await one.calls()
            assert (row.status, row.error_code) == ("completed", code)

    run(main)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_2xx_is_a_good_answer_to_a_callback_and_its_body_is_ignored(tmp_path: Path, status: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": HANGUP}) as one:
            one.web.route(f"{HOST}/status", Reply("<Response><Say>never</Say></Response>" * 5000, status=status))
            await call(one)
            assert await one.services.store.outbox.count() == 0
            assert len(one.web.to("/status")) == 1

    run(main)


def test_the_completed_callback_says_how_long_it_was(tmp_path: Path) -> None:
    """CallDuration in seconds, Duration in minutes that were begun, SipResponseCode; exactly one."""

    async def main(clock: VirtualClock) -> None:
        document = "<Response><Play digits='1'/><Pause length='61'/></Response>"
        async with whole(clock, tmp_path, {"/voice": document}) as one:
            await call(one, 70)
            (said,) = one.web.to("/status")
            assert (said["CallStatus"], said["Duration"]) == ("completed", "2")
            assert 61 <= int(said["CallDuration"]) <= 64
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", said["Timestamp"])

    run(main)
