"""Signed requests in virtual time, against an app behind the seam."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from typing import TypeVar

import pytest
from twilio.request_validator import RequestValidator

from gateway.sids import Sids
from gateway.store.rows import Account, Callback
from gateway.webhooks.client import Webhooks
from gateway.webhooks.errors import FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.request import Answer, Body, CookieJar, WebhookRequest
from tests.lib.loop import VirtualClock, run
from tests.lib.web import PUBLIC, FakeWeb, Noted, Reply, Seen

T = TypeVar("T")
SID = "AC" + "0" * 32
TOKEN = "12345678901234567890123456789012"
URL = "http://app.example.com/voice"
PARAMS = {"CallSid": "CA" + "1" * 32, "From": "+15005550006", "CallerCity": ""}
THEN = datetime(2024, 6, 1, tzinfo=UTC)


class Accounts:
    async def fetch(self, sid: str) -> Account | None:
        return Account(sid, TOKEN, "", "active", THEN, THEN) if sid == SID else None


class Store:
    accounts = Accounts()


def using(web: FakeWeb, work: Callable[[Webhooks, VirtualClock], Awaitable[T]], guard: Guard | None = None) -> T:
    async def main(clock: VirtualClock) -> T:
        return await work(Webhooks(web, guard or web.guard(), Store(), Sids(Random(1)), clock, Noted()), clock)

    return run(main)


def fetch(web: FakeWeb, url: str = URL, method: str = "POST", jar: CookieJar | None = None) -> Answer:
    return using(web, lambda hooks, _: hooks.fetch(WebhookRequest(SID, url, method, PARAMS, jar or CookieJar())))


def failing(web: FakeWeb, url: str = URL, guard: Guard | None = None) -> tuple[FetchError, float]:
    """The error, and when it came."""

    async def work(hooks: Webhooks, clock: VirtualClock) -> tuple[FetchError, float]:
        with pytest.raises(FetchError) as raised:
            await hooks.fetch(WebhookRequest(SID, url, "POST", PARAMS))
        return raised.value, clock.now()

    return using(web, work, guard)


def valid(seen: Seen, url: str | None = None) -> bool:
    params = seen.params if seen.method == "POST" else {}
    return bool(RequestValidator(TOKEN).validate(url or seen.url, params, seen.headers["X-Twilio-Signature"]))


def test_a_post_is_a_signed_form() -> None:
    web = FakeWeb()
    web.route(URL, "<Response/>")
    answer = fetch(web)
    (seen,) = web.requests
    assert (answer.status, answer.content_type, answer.body, answer.url) == (200, "text/xml", b"<Response/>", URL)
    assert (seen.method, seen.url, seen.params, seen.addresses) == ("POST", URL, PARAMS, (PUBLIC,))
    assert seen.headers["User-Agent"] == "TwilioProxy/1.1"
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert len(seen.headers["I-Twilio-Idempotency-Token"]) == 32
    assert valid(seen)


def test_a_get_has_its_parameters_behind_its_query() -> None:
    web = FakeWeb()
    web.route(URL, "<Response/>")
    answer = fetch(web, URL + "?step=2", "GET")
    (seen,) = web.requests
    assert (seen.method, seen.body) == ("GET", b"")
    assert seen.params == {"step": "2", **PARAMS}
    assert answer.url == URL + "?step=2"  # the base of what it names
    assert "Content-Type" not in seen.headers
    assert valid(seen)


def test_neither_user_info_nor_fragment_nor_a_tls_port_is_signed_or_sent() -> None:
    web = FakeWeb()
    web.route("https://app.example.com:8443/voice", "<Response/>")
    fetch(web, "https://user:secret@app.example.com:8443/voice#rc=2")
    (seen,) = web.requests
    assert seen.url == "https://app.example.com:8443/voice"
    assert "Authorization" not in seen.headers
    assert valid(seen, "https://app.example.com/voice")


def test_basic_credentials_follow_a_401() -> None:
    def voice(seen: Seen) -> Reply:
        if seen.headers.get("Authorization") == "Basic dXNlcjpwQHNz":
            return Reply("<Response/>")
        return Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="app"'})

    web = FakeWeb()
    web.route(URL, voice)
    assert fetch(web, "http://user:p%40ss@app.example.com/voice").status == 200
    assert len(web.requests) == 2
    assert all(valid(seen) for seen in web.requests)
    error, _ = failing(web, "http://user:wrong@app.example.com/voice")
    assert (error.code, error.status) == (11200, 401)


def test_digest_credentials_follow_a_401() -> None:
    def voice(seen: Seen) -> Reply:
        if seen.headers.get("Authorization", "").startswith('Digest username="user"'):
            return Reply("<Response/>")
        return Reply(status=401, headers={"WWW-Authenticate": 'Digest realm="app", nonce="n", qop="auth"'})

    web = FakeWeb()
    web.route(URL, voice)
    assert fetch(web, "http://user:pass@app.example.com/voice").status == 200
    assert 'uri="/voice"' in web.requests[1].headers["Authorization"]


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_redirects(status: int, method: str) -> None:
    """301, 302 and 303 turn POST into GET; 307 and 308 keep method and body. Each hop is signed for itself."""
    web = FakeWeb()
    web.route(URL, Reply(status=status, headers={"Location": "/next?a=1#x"}))
    web.route("http://app.example.com/next", "<Response/>")
    answer = fetch(web)
    second = web.requests[1]
    assert (answer.url, second.method) == ("http://app.example.com/next?a=1", method)
    assert second.params == (PARAMS if method == "POST" else {"a": "1"})
    assert valid(second)


def test_ten_redirects_and_no_more() -> None:
    web = FakeWeb()
    for number in range(11):
        web.route(f"http://app.example.com/{number}", Reply(status=302, headers={"Location": f"/{number + 1}"}))
    web.route("http://app.example.com/11", "<Response/>")
    assert fetch(web, "http://app.example.com/1").status == 200
    assert len(web.requests) == 11
    error, _ = failing(web, "http://app.example.com/0")
    assert error.code == 11215


@pytest.mark.parametrize("location", ["ftp://a.example/", "http://[", "http://a_b.example/"])
def test_a_redirect_to_no_url(location: str) -> None:
    web = FakeWeb()
    web.route(URL, Reply(status=302, headers={"Location": location}))
    error, _ = failing(web)
    assert error.code == 11216
    assert location in str(error)


def test_a_redirect_to_an_inner_address_is_refused() -> None:
    web = FakeWeb()
    web.names["inner.example"] = ["10.0.0.1"]
    web.route(URL, Reply(status=302, headers={"Location": "http://inner.example/"}))
    error, _ = failing(web)
    assert error.code == 11200
    assert "may not reach" in str(error)
    assert len(web.requests) == 1


def test_credentials_and_cookies_stay_where_they_belong() -> None:
    web = FakeWeb()
    away = Reply(status=307, headers={"Location": "http://other.example/"}, cookies=("a=1; Path=/",))
    web.route(URL, lambda seen: away if "Authorization" in seen.headers else Reply(status=401))
    web.route("http://other.example/", Reply(status=401))
    error, _ = failing(web, "http://user:pass@app.example.com/voice")
    assert error.status == 401
    last = web.requests[-1]
    assert last.url == "http://other.example/"
    assert "Authorization" not in last.headers
    assert "Cookie" not in last.headers


def test_cookies_last_for_a_call() -> None:
    web, jar = FakeWeb(), CookieJar()
    web.route(URL, Reply("<Response/>", cookies=("session=abc; Path=/",)))
    fetch(web, jar=jar)
    fetch(web, jar=jar)
    fetch(web)
    assert [seen.headers.get("Cookie") for seen in web.requests] == [None, "session=abc", None]


@pytest.mark.parametrize("status", [400, 404, 500, 503, 304])
def test_a_status_that_is_no_success_is_11200(status: int) -> None:
    web = FakeWeb()
    web.route(URL, Reply("x" * 70000, status=status))
    error, _ = failing(web)
    assert (error.code, error.status, str(error)) == (11200, status, f"{URL} answered {status}")
    assert len(web.requests) == 1


def test_the_longest_document() -> None:
    web = FakeWeb()
    web.route(URL, Reply("x" * 65536))
    assert len(fetch(web).body) == 65536
    web.route(URL, Reply("x" * 65537))
    error, _ = failing(web)
    assert (error.code, str(error)) == (11750, f"{URL} answered with more than 65536 bytes")


def test_audio_in_place_of_a_document_may_be_longer_for_it_is_played_from_its_url() -> None:
    web = FakeWeb()
    web.route(URL, Reply(b"x" * 100_000, content_type="Audio/mpeg"))
    answer = fetch(web)
    assert (answer.content_type, len(answer.body)) == ("Audio/mpeg", 64 * 1024)


def test_connecting_is_tried_twice_with_one_idempotency_token() -> None:
    web = FakeWeb()
    web.connect_delay["app.example.com"] = 60
    error, at = failing(web)
    assert (error.code, at) == (11201, 10.0)
    web.connect_delay.clear()
    web.refusing.add("app.example.com")
    error, at = failing(web)
    assert (error.code, at) == (11202, 0.0)


def test_nothing_else_is_retried_unless_asked() -> None:
    web = FakeWeb()
    web.route(URL, Reply(delay=4))
    error, at = failing(web, URL + "#rt=3000")
    assert (error.code, at, len(web.requests)) == (11203, 3.0, 1)
    error, at = failing(web, URL + "#rt=3000&rc=2&rp=rt")
    assert (error.code, at, len(web.requests)) == (11203, 9.0, 4)


def test_statuses_are_retried_where_asked_with_the_same_token() -> None:
    web = FakeWeb()
    web.route(URL, Reply(status=503))
    error, _ = failing(web, URL + "#rc=2&rp=5xx")
    assert (error.code, len(web.requests)) == (11200, 3)
    assert len({seen.headers["I-Twilio-Idempotency-Token"] for seen in web.requests}) == 1
    web.route(URL, lambda seen: Reply("<Response/>") if len(web.requests) == 5 else Reply(status=404))
    assert fetch(web, URL + "#rc=2&rp=4xx").status == 200


def test_retries_go_out_by_the_next_edge() -> None:
    web = FakeWeb()
    web.route(URL, Reply(status=500))
    failing(web, f"{URL}#rc=3&rp=5xx&e=dublin,tokyo-ix,sydney")
    failing(web, URL)
    assert [seen.edge for seen in web.requests] == ["dublin", "tokyo-ix", "sydney", "dublin", ""]


def test_fifteen_seconds_are_all_there_is() -> None:
    web = FakeWeb()
    web.route(URL, Reply(status=302, headers={"Location": "/slow"}, delay=10))
    web.route("http://app.example.com/slow", Reply(delay=10))
    error, at = failing(web)
    assert (error.code, at) == (11203, 15.0)
    assert str(error) == f"{URL}: no complete answer within 15 s in all"
    error, at = failing(web, URL + "#tt=2500")
    assert at == 2.5


@pytest.mark.parametrize(
    ("url", "code"),
    [(URL + "#ct=1", 11243), (URL + "#e=moon", 11240), ("http://a_b.example/", 11210), ("/voice", 11100)],
)
def test_urls_that_cannot_be_fetched(url: str, code: int) -> None:
    web = FakeWeb()
    error, _ = failing(web, url)
    assert error.code == code
    assert web.requests == []


def test_names_and_addresses_that_cannot_be_reached() -> None:
    web = FakeWeb()
    web.names["app.example.com"] = []
    error, _ = failing(web)
    assert (error.code, str(error)) == (11210, "host app.example.com cannot be resolved: Name or service not known")
    error, _ = failing(web, "http://127.0.0.1:8080/", web.guard(loopback=True, own=[("127.0.0.1", 8080)]))
    assert str(error) == "127.0.0.1:8080 is this gateway itself"


def test_a_callback_is_delivered_with_its_own_token_and_any_status_is_its_result() -> None:
    web = FakeWeb()
    callback = Callback(SID, "CA", URL, "POST", {"CallStatus": "completed"}, "the-token")
    for status in (204, 500):
        web.route(URL, Reply("x" * 70000, status=status))
        assert using(web, lambda hooks, _: hooks.deliver(callback)) == status
    assert web.requests[0].headers["I-Twilio-Idempotency-Token"] == "the-token"
    assert web.requests[0].params == {"CallStatus": "completed"}
    assert valid(web.requests[0])
    web.refusing.add("app.example.com")
    with pytest.raises(FetchError):
        using(web, lambda hooks, _: hooks.deliver(callback))


def test_media_is_asked_for_with_a_signature_and_may_be_longer() -> None:
    web = FakeWeb()
    web.route(URL, Reply(b"x" * 100_000, content_type="audio/wav", headers={"ETag": '"1"'}, delay=14))

    def media(limit: int, **headers: str) -> Answer:
        return using(web, lambda hooks, _: hooks.get_media(SID, URL, headers, limit))

    answer = media(200_000)
    assert (len(answer.body), answer.content_type, answer.headers["etag"]) == (100_000, "audio/wav", '"1"')
    assert valid(web.requests[0])
    with pytest.raises(FetchError, match="more than 50000 bytes"):
        media(50_000)
    web.route(URL, Reply(status=304))
    assert media(1).status == 304
    web.route(URL, Reply(status=404))
    with pytest.raises(FetchError, match="answered 404"):
        media(1)


def test_the_headers_are_those_that_twilio_documents() -> None:
    web = FakeWeb()
    web.route(URL, "<Response/>")
    fetch(web)
    fetch(web, method="GET")
    common = {"User-Agent", "Accept", "I-Twilio-Idempotency-Token", "X-Twilio-Signature", "traceparent"}
    assert set(web.requests[0].headers) == common | {"Content-Type"}
    assert set(web.requests[1].headers) == common
    assert web.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"


def test_all_requests_about_a_call_are_spans_of_one_trace() -> None:
    """W3C trace context: version, trace, span, flags; the trace is the call's SID without its letters."""
    web = FakeWeb()
    web.route(URL, "<Response/>")
    call = "0af7651916cd43dd8448eb211c80319c"

    async def work(hooks: Webhooks, _: VirtualClock) -> None:
        for subject in (f"CA{call}", f"CA{call}", "", "CA" + "0" * 32):
            await hooks.fetch(WebhookRequest(SID, URL, "POST", PARAMS, subject=subject))

    using(web, work)
    found = [seen.headers["traceparent"].split("-") for seen in web.requests]
    assert all(len(span) == 16 and (version, flags) == ("00", "01") for version, _, span, flags in found)
    traces = [trace for _, trace, _, _ in found]
    assert traces[:2] == [call, call]
    assert len(set(traces)) == 3
    assert "0" * 32 not in traces
    assert len({span for _, _, span, _ in found}) == 4


def test_json_is_signed_by_its_hash_also_after_a_redirect() -> None:
    web = FakeWeb()
    there = "http://app.example.com/there?a=1"
    web.route(URL, Reply(status=308, headers={"Location": there}))
    web.route("http://app.example.com/there", "")
    body = Body(b'{"event":"ping","n":1}')
    using(web, lambda hooks, _: hooks.fetch(WebhookRequest(SID, URL, "POST", {}, body=body)))
    first, second = web.requests
    assert second.url.startswith(f"{there}&bodySHA256=")
    for seen in (first, second):
        assert (seen.body, seen.headers["Content-Type"]) == (body.content, "application/json")
        signature = seen.headers["X-Twilio-Signature"]
        assert RequestValidator(TOKEN).validate(seen.url, body.content.decode(), signature)
        assert not RequestValidator(TOKEN).validate(seen.url, "{}", signature)


def test_a_websockets_handshake_is_signed_and_pinned() -> None:
    web = FakeWeb()

    async def work(hooks: Webhooks, _: VirtualClock) -> None:
        found = await hooks.handshake(SID, "wss://user:secret@app.example.com:8443/stream#rt=100")
        assert (found.url, found.addresses) == ("wss://app.example.com:8443/stream", (PUBLIC,))
        signature = found.headers["X-Twilio-Signature"]
        assert RequestValidator(TOKEN).validate("wss://app.example.com/stream", {}, signature)
        for url, code in (("https://app.example.com/", 11100), ("ws://169.254.169.254/", 11200)):
            with pytest.raises(FetchError) as raised:
                await hooks.handshake(SID, url)
            assert raised.value.code == code

    using(web, work)


def test_a_redirect_carries_the_same_token() -> None:
    web = FakeWeb()
    web.route(URL, Reply(status=302, headers={"Location": "/there"}))
    web.route("http://app.example.com/there", "<Response/>")
    fetch(web)
    first, second = web.requests
    assert first.headers["I-Twilio-Idempotency-Token"] == second.headers["I-Twilio-Idempotency-Token"]
