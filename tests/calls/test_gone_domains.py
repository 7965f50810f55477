"""Registrations end with what allowed them: the domain, its name, its list, the user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.store.paging import Page
from gateway.store.sip_rows import Domain
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.phones import DOMAIN, USERS, Phone, domain
from tests.lib.whole import Whole, whole

Change = Callable[[Whole[Any], Domain], Awaitable[object]]


async def deleted(one: Whole[Any], made: Domain) -> None:
    assert await one.services.store.sip.domains.delete(made.account_sid, made.sid)


async def renamed(one: Whole[Any], made: Domain) -> None:
    assert await one.services.store.sip.domains.update(made.account_sid, made.sid, {"domain_name": "new.example"})


async def closed(one: Whole[Any], made: Domain) -> None:
    assert await one.services.store.sip.domains.update(made.account_sid, made.sid, {"sip_registration": False})


async def unmapped(one: Whole[Any], made: Domain) -> None:
    rows = one.services.store.sip.registration_credentials
    (used,) = (await rows.page(made.account_sid, made.sid, Page())).rows
    assert await rows.delete(made.account_sid, made.sid, used.sid)


async def given_away(one: Whole[Any], made: Domain) -> None:
    """Deleted, and at once another account's, which has users of the same names."""
    await deleted(one, made)
    await domain(one, account_sid="AC" + "9" * 32)


async def kept(one: Whole[Any]) -> tuple[list[str], list[str]]:
    """Who is registered, in memory and in the store."""
    rows = await one.services.store.registrations.living(one.services.clock.wall())
    return sorted(address for _, address, _ in one.services.phones.all()), sorted(row.address for row in rows)


async def registered(one: Whole[Any], *users: str, name: str = DOMAIN) -> None:
    for number, user in enumerate(users):
        phone = Phone(one, user, f"127.0.0.{7 + number}", 5060 if name == DOMAIN else 5070)
        phone.register(name=name)
        await passes(0.5)
        assert phone.is_registered()


@pytest.mark.parametrize("change", [deleted, renamed, closed, unmapped, given_away])
def test_registrations_go_with_what_allowed_them(tmp_path: Path, change: Change) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            made, other = await domain(one), await domain(one, "other.example")
            await registered(one, "alice", "bob")
            await registered(one, "bob", name=other.domain_name)
            await change(one, made)
            await passes(0.1)
            assert await kept(one) == (["bob@other.example"], ["bob@other.example"])

    run(main)


async def _of_bob(one: Whole[Any], made: Domain) -> list[str]:
    """The SIDs of bob's credential in the lists for registrations."""
    found = await one.services.store.sip.credentials.of(made.sid, "bob", "registrations")
    return [entry.sid for entry in found]


def test_the_registrations_of_a_deleted_user_go_and_those_of_others_stay(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            made = await domain(one)
            await registered(one, "alice", "bob")
            (sid,) = await _of_bob(one, made)
            assert await one.services.store.sip.credentials.delete(made.account_sid, sid)
            await passes(0.1)
            assert await kept(one) == ([f"alice@{DOMAIN}"], [f"alice@{DOMAIN}"])

    run(main)


def test_a_user_whose_password_changed_is_asked_for_it_at_the_next_refresh(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            made = await domain(one)
            await registered(one, "bob")
            (sid,) = await _of_bob(one, made)
            assert await one.services.store.sip.credentials.update(
                made.account_sid, sid, {"password": "Another-one-43"}
            )
            await passes(1)
            assert await kept(one) == ([f"bob@{DOMAIN}"], [f"bob@{DOMAIN}"])
            await passes(610)
            assert await kept(one) == ([], [])
            assert one.services.admission.refusals.newest_first()[0].source == "127.0.0.7"
            assert USERS["bob"] != "Another-one-43"

    run(main)


def test_what_went_while_the_gateway_was_down_is_gone_after_its_start(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            made = await domain(one)
            await registered(one, "bob")
            sip = one.services.store.sip
            sip.narrowed.tell = lambda: None  # type: ignore[method-assign] # as another process would do it
            assert await sip.domains.delete(made.account_sid, made.sid)
            await passes(1)
            assert await kept(one) == ([f"bob@{DOMAIN}"], [f"bob@{DOMAIN}"])
        async with whole(clock, tmp_path, {}, wire=one.wire) as again:
            await passes(0.1)
            assert await kept(again) == ([], [])

    run(main)
