"""Callbacks that were given up: what the operator sees of them, and that they are sent anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.api.http import Request, Router
from gateway.api.operator.callbacks import Callbacks
from gateway.errors import ApiError
from gateway.store.paging import Page
from gateway.store.rows import Callback
from tests.gateway.webhooks.test_outbox import URL, App, Bench, bench, refusing
from tests.lib.loop import VirtualClock, passes, run

PATH = "/operator/v1/callbacks"


async def ask(one: Bench, method: str, path: str, json: Any = None, **fields: str) -> Any:
    """What the operator is answered."""
    router = Router(Callbacks(one.store.outbox, one.outbox.kick).routes())
    serve, variables = router.find(method, path)
    given = {name: [text] for name, text in fields.items()}
    return (await serve(Request(method, path, variables, given, json))).json


async def refused(one: Bench, method: str, path: str, json: Any = None, **fields: str) -> tuple[int, str]:
    """Its error."""
    with pytest.raises(ApiError) as raised:
        await ask(one, method, path, json, **fields)
    return raised.value.status, str(raised.value)


def test_dead_letters_are_listed_by_state_and_host(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda callback: 404 if callback.token[0] == "d" else refusing(callback))
        async with bench(clock, tmp_path, app) as one:
            await one.put("d1", call="CA1")
            await one.put("w1", call="CA2")
            await one.put("d2", call="CA3", url="http://user:pw@other.example:81/x")
            await passes(2)
            shown = (await ask(one, "GET", PATH))["callbacks"]
            assert [(row["token"], row["state"]) for row in shown] == [
                ("d1", "dead"),
                ("w1", "waiting"),
                ("d2", "dead"),
            ]
            assert [row["token"] for row in (await ask(one, "GET", PATH, state="dead"))["callbacks"]] == ["d1", "d2"]
            assert [row["token"] for row in (await ask(one, "GET", PATH, state="waiting"))["callbacks"]] == ["w1"]
            (found,) = (await ask(one, "GET", PATH, host="Other.example:81"))["callbacks"]
            assert found["token"] == "d2"
            assert (await ask(one, "GET", PATH, account_sid="AC2"))["callbacks"] == []
            one_of_them = await ask(one, "GET", f"{PATH}/{shown[0]['id']}")
            assert one_of_them == {
                "id": shown[0]["id"], "state": "dead", "account_sid": "AC1", "call_sid": "CA1", "method": "POST",
                "url": URL, "params": {"t": "d1"}, "token": "d1", "attempts": 1,
                "first_tried": "2024-06-01T12:00:00+00:00", "last_error": "refused with HTTP 404",
            }  # fmt: skip
            assert shown[1]["attempts"] == 2

    run(main)


def test_a_long_list_is_read_on_from_next(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, tmp_path, App(clock, lambda _: 404)) as one:
            for number in range(250):
                await one.put(f"{number}", call=f"CA{number}")
            await passes(1)
            seen, after = [], "0"
            for size in (100, 100, 50):
                page = await ask(one, "GET", PATH, state="dead", host="app.example.com", after=after)
                assert len(page["callbacks"]) == size
                seen += [row["token"] for row in page["callbacks"]]
                after = str(page["next"])
            assert after == "None"
            assert seen == [str(number) for number in range(250)]

    run(main)


def test_one_is_sent_anew_with_its_token(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda _: 404)
        async with bench(clock, tmp_path, app) as one:
            await one.put("a")
            await passes(1)
            (row,) = await one.rows()
            app.answer = lambda _: 204
            assert await ask(one, "POST", f"{PATH}/{row['id']}/replay") == {"replayed": 1}
            await passes(0.1)
            assert app.tokens() == ["a", "a"]
            assert await one.rows() == []

    run(main)


def test_all_of_a_host_are_sent_anew_in_their_order_and_no_others(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda _: 410)
        async with bench(clock, tmp_path, app) as one:
            for number in range(600):
                await one.put(f"{number}", call=f"CA{number % 7}")
            await one.put("other", url="http://other.example/")
            await passes(5)
            app.answer, before = lambda _: 204, len(app.asked)
            assert await ask(one, "POST", f"{PATH}/replay", {"host": "app.example.com"}) == {"replayed": 600}
            await passes(5)
            again = app.tokens()[before:]
            assert sorted(again, key=int) == [str(number) for number in range(600)]
            for call in range(7):
                mine = [int(token) for token in again if int(token) % 7 == call]
                assert mine == sorted(mine)
            assert [row["token"] for row in await one.rows()] == ["other"]

    run(main)


def test_a_replay_that_fails_has_the_whole_plan_before_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        app = App(clock, lambda _: 404)
        async with bench(clock, tmp_path, app) as one:
            await one.put("a")
            await passes(1)
            app.answer = refusing
            (row,) = await one.rows()
            await ask(one, "POST", f"{PATH}/{row['id']}/replay")
            await passes(86_400)
            (row,) = await one.rows()
            assert not row["dead"]
            assert row["attempts"] > 150

    run(main)


def test_what_cannot_be_replayed_or_read(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with bench(clock, tmp_path, App(clock, refusing)) as one:
            await one.put("a")
            await passes(1)
            (row,) = await one.rows()
            assert await refused(one, "POST", f"{PATH}/{row['id']}/replay") == (
                409, f"callback {row['id']} is no dead letter: it waits for its next attempt",
            )  # fmt: skip
            assert (await refused(one, "POST", f"{PATH}/99999/replay"))[0] == 404
            assert (await refused(one, "GET", f"{PATH}/99999"))[0] == 404
            for path in (f"{PATH}/x", f"{PATH}/{'9' * 30}"):
                assert (await refused(one, "GET", path))[0] == 400
            assert (await refused(one, "GET", PATH, state="lost"))[1] == "state 'lost' is neither waiting nor dead"
            assert (await refused(one, "GET", PATH, after="x"))[0] == 400
            bodies: list[Any] = [None, [], {}, {"host": 1}, {"host": ""}]
            for body in bodies:
                assert (await refused(one, "POST", f"{PATH}/replay", body))[0] == 400
            assert await ask(one, "POST", f"{PATH}/replay", {"host": "app.example.com"}) == {"replayed": 0}

    run(main)


def test_the_account_is_told_when_a_callback_fails_and_when_it_is_given_up(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        def answer(callback: Callback) -> int:
            return 503 if len(app.asked) < 3 else 404

        app = App(clock, answer)
        async with bench(clock, tmp_path, app) as one:
            call = "CA" + "1" * 32
            await one.put("a", call=call)
            await passes(10)
            last, first = (await one.store.notifications.page("AC1", Page(), {})).rows
            assert (first.log, first.error_code, first.call_sid) == (1, 15003, call)
            assert first.message_text == f"callback to {URL} failed and is tried again: HTTP 503"
            assert (last.log, last.message_text) == (0, f"callback to {URL} is given up: refused with HTTP 404")
            assert (last.request_url, last.request_method, last.request_variables) == (URL, "POST", "t=a")

    run(main)
