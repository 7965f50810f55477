"""`Queues` and `Members` with callers in them, in virtual time; each answer is held against Twilio's description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.api.core import queues
from gateway.calls.queues.dispatch import Dispatch
from tests.calls.test_queue import AGENT, WAIT, left, waiting
from tests.lib.core_api import CoreApi
from tests.lib.loop import passes
from tests.lib.switchboard import Switchboard, staffed
from tests.lib.whole import HOST


def served(tmp_path: Path, test: Callable[[Switchboard, CoreApi], Awaitable[None]]) -> None:
    async def main(board: Switchboard) -> None:
        services = board.one.services
        routes = queues.routes(services.store, Dispatch(services, board.one.exchange), services.sids, services.clock)
        await test(board, CoreApi(services.store, routes))

    staffed(tmp_path, main)


def test_a_queue_says_who_waits_and_for_how_long(tmp_path: Path) -> None:
    async def test(board: Switchboard, api: CoreApi) -> None:
        await waiting(board, 1, 2)
        await passes(8)
        (queue,) = (await api.ask("GET", "/Queues"))["queues"]
        names = ("friendly_name", "current_size", "max_size", "average_wait_time")
        assert [queue[name] for name in names] == ["support", 2, 1000, 9]
        path = f"/Queues/{queue['sid']}/Members"
        members = (await api.ask("GET", path))["queue_members"]
        assert [(one["call_sid"], one["position"], one["wait_time"]) for one in members] == [
            (board.sid(1), 1, 10), (board.sid(2), 2, 9),
        ]  # fmt: skip
        assert await api.ask("GET", f"{path}/Front") == members[0]
        assert await api.ask("GET", f"{path}/{board.sid(2)}") == members[1]
        first = await api.ask("GET", path, PageSize="1")
        assert [one["position"] for one in first["queue_members"]] == [1]
        token = first["next_page_uri"].rpartition("=")[2]
        second = await api.ask("GET", path, PageSize="1", Page="1", PageToken=token)
        assert ([one["position"] for one in second["queue_members"]], second["next_page_uri"]) == ([2], None)
        assert await api.refused("GET", f"{path}/CA{'0' * 32}") == (404, 20404)
        assert await api.refused("GET", f"/Queues/QU{'0' * 32}/Members") == (404, 20404)

    served(tmp_path, test)


@pytest.mark.parametrize("front", [True, False])
def test_a_member_is_taken_out_and_goes_on_with_another_document(tmp_path: Path, front: bool) -> None:
    async def test(board: Switchboard, api: CoreApi) -> None:
        await waiting(board, 1, 2)
        board.answers("/taken", "<Pause length='60'/>")
        (queue,) = (await api.ask("GET", "/Queues"))["queues"]
        number = 1 if front else 2
        who, path = "Front" if front else board.sid(2), f"/Queues/{queue['sid']}/Members"
        taken = await api.ask("POST", f"{path}/{who}", Url=f"{HOST}/taken")
        assert (taken["call_sid"], taken["position"]) == (board.sid(number), number)
        assert await api.refused("POST", f"{path}/{board.sid(number)}", Url=f"{HOST}/taken") == (404, 20404)
        await passes(1)
        (asked,) = board.to("/taken")
        assert (asked["CallSid"], asked["QueueSid"]) == (board.sid(number), queue["sid"])
        assert (asked["QueueResult"], asked["QueueTime"]) == ("redirected", str(3 - number))
        assert left(board) == [(str(number), "redirected", str(3 - number))]
        rest = (await api.ask("GET", path))["queue_members"]
        assert [(one["call_sid"], one["position"]) for one in rest] == [(board.sid(3 - number), 1)]
        assert await api.refused("POST", f"{path}/Front") == (400, 20001)

    served(tmp_path, test)


def test_who_talks_waits_no_more(tmp_path: Path) -> None:
    async def test(board: Switchboard, api: CoreApi) -> None:
        await waiting(board, 1)
        await board.comes(3, AGENT)
        (queue,) = (await api.ask("GET", "/Queues"))["queues"]
        assert (queue["current_size"], queue["average_wait_time"]) == (0, 0)
        assert await api.refused("GET", f"/Queues/{queue['sid']}/Members/Front") == (404, 20404)

    served(tmp_path, test)


def test_only_an_empty_queue_is_deleted_and_then_the_name_is_another_queue(tmp_path: Path) -> None:
    async def test(board: Switchboard, api: CoreApi) -> None:
        await waiting(board, 1)
        (queue,) = (await api.ask("GET", "/Queues"))["queues"]
        assert await api.refused("DELETE", f"/Queues/{queue['sid']}") == (409, 22003)
        board.callers[1].hangup()
        await passes(1)
        await api.ask("DELETE", f"/Queues/{queue['sid']}")
        assert await api.refused("GET", f"/Queues/{queue['sid']}") == (404, 20404)
        await waiting(board, 2)
        (other,) = (await api.ask("GET", "/Queues"))["queues"]
        assert (other["sid"] != queue["sid"], other["current_size"]) == (True, 1)

    served(tmp_path, test)


def test_a_smaller_queue_takes_nobody_more_and_keeps_those_who_wait(tmp_path: Path) -> None:
    async def test(board: Switchboard, api: CoreApi) -> None:
        queue = await api.ask("POST", "/Queues", FriendlyName="support", MaxSize="2")
        await waiting(board, 1, 2)
        changed = await api.ask("POST", f"/Queues/{queue['sid']}", MaxSize="1")
        assert (changed["max_size"], changed["current_size"]) == (1, 2)
        board.callers[1].hangup()
        await board.comes(3, WAIT)
        assert left(board)[-1][1] == "queue-full"
        await passes(5)
        assert board.to("/wait")[-1]["MaxQueueSize"] == "1"

    served(tmp_path, test)


def test_queues_are_made_with_a_name_of_their_own(tmp_path: Path) -> None:
    async def test(board: Switchboard, api: CoreApi) -> None:
        queue = await api.ask("POST", "/Queues", FriendlyName="sales")
        assert (queue["max_size"], queue["current_size"]) == (1000, 0)
        assert await api.refused("POST", "/Queues", FriendlyName="sales") == (400, 20001)
        assert await api.refused("POST", "/Queues") == (400, 20001)
        assert await api.refused("POST", "/Queues", FriendlyName="s" * 65) == (400, 20001)
        for size in ("0", "5001", "many"):
            assert await api.refused("POST", "/Queues", FriendlyName="other", MaxSize=size) == (400, 20001)
        await api.ask("POST", "/Queues", FriendlyName="other", MaxSize="5000")
        assert await api.refused("POST", f"/Queues/{queue['sid']}", FriendlyName="other") == (400, 20001)
        renamed = await api.ask("POST", f"/Queues/{queue['sid']}", FriendlyName="sales and more")
        assert renamed["friendly_name"] == "sales and more"
        assert (await api.ask("GET", f"/Queues/{queue['sid']}")) == renamed

    served(tmp_path, test)
