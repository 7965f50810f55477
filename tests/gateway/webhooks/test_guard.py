"""Which addresses customers' URLs may reach."""

from __future__ import annotations

import asyncio

import pytest

from gateway.webhooks.errors import Failure, FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.names import Names
from sip.outputs import Host
from tests.lib.dns import DnsServer
from tests.lib.loop import VirtualClock, run

REFUSED = [
    "127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254",
    "100.100.100.200", "fd00:ec2::254", "fe80::1", "224.0.0.1", "ff02::1", "255.255.255.255", "192.0.2.1",
    "168.63.129.16", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "240.0.0.1",
    "::a00:1", "::ffff:0:a00:1", "64:ff9b:1::a00:1", "2600::5efe:a00:1", "2600::200:5efe:169.254.169.254", "fec0::1",
    "2001:0:5db8:d822::f5ff:fffe", "192.88.99.1", "192.0.0.8", "5f00::1", "3fff::1", "100::1", "198.18.0.1",
]  # fmt: skip


def pin(guard: Guard, host: str, port: int = 80) -> tuple[str, ...]:
    async def main(clock: VirtualClock) -> tuple[str, ...]:
        return await guard.pin(host, port)

    return run(main)


def names(*addresses: str) -> Guard:
    async def lookup(host: str) -> list[str]:
        return list(addresses)

    return Guard(lookup=lookup)


@pytest.mark.parametrize("address", REFUSED)
def test_inner_addresses_are_refused_as_literals_and_behind_names(address: str) -> None:
    for guard, host in ((Guard(), address), (names(address), "app.example.com")):
        with pytest.raises(FetchError, match=r"may not reach \(\[webhooks\] allow\)") as raised:
            pin(guard, host)
        assert raised.value.code == 11200


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822"])
def test_public_addresses_are_pinned(address: str) -> None:
    assert pin(Guard(), address) == (address,)
    assert pin(names(address, address), "app.example.com") == (address,)


def test_all_addresses_of_a_name_are_pinned_in_order() -> None:
    assert pin(names("2606:4700::1111", "93.184.216.34"), "a.example") == ("2606:4700::1111", "93.184.216.34")


def test_one_inner_address_is_enough_to_refuse_a_name() -> None:
    with pytest.raises(FetchError):
        pin(names("93.184.216.34", "10.0.0.1"), "a.example")


def test_loopback_is_allowed_where_the_gateway_says_so() -> None:
    guard = Guard(loopback=True)
    assert pin(guard, "127.0.0.1") == ("127.0.0.1",)
    assert pin(guard, "::1") == ("::1",)
    with pytest.raises(FetchError):
        pin(guard, "10.0.0.1")
    with pytest.raises(FetchError):
        pin(guard, "0.0.0.0")


def test_networks_of_the_allow_list_may_be_reached() -> None:
    guard = Guard(["10.1.0.0/16", "fd00::/8"])
    assert pin(guard, "10.1.2.3") == ("10.1.2.3",)
    assert pin(guard, "fd00::5") == ("fd00::5",)
    with pytest.raises(FetchError):
        pin(guard, "10.2.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "0.0.0.0", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("own", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_our_own_port_is_refused_whatever_is_allowed(host: str, own: str) -> None:
    guard = Guard(["0.0.0.0/0", "::/0"], loopback=True, own=[(own, 8080)])
    with pytest.raises(FetchError, match="is this gateway itself"):
        pin(guard, host, 8080)
    assert len(pin(guard, host, 8081)) == 1


def test_our_own_port_on_an_address_of_its_own() -> None:
    guard = Guard(own=[("93.184.216.34", 8080)])
    guard.add_own(("0.0.0.0", 9090))
    with pytest.raises(FetchError, match="is this gateway itself"):
        pin(guard, "93.184.216.34", 8080)
    assert pin(guard, "93.184.216.35", 8080) == ("93.184.216.35",)
    assert pin(guard, "93.184.216.35", 9090) == ("93.184.216.35",)


def test_a_name_without_addresses_is_11210() -> None:
    async def lookup(host: str) -> list[str]:
        raise OSError(-2, "Name or service not known")

    for guard in (Guard(lookup=lookup), names()):
        with pytest.raises(FetchError, match=r"host no\.example") as raised:
            pin(guard, "no.example")
        assert raised.value.code == 11210


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "127.0.0x1",
        "1.2.3.4.5",
        "app.example.1",
        "0x7f000001.",
    ],
)
def test_numbers_that_are_no_addresses_are_nobody(host: str) -> None:
    """The system, DNS and HTTP libraries do not agree which address an odd spelling is: it is none."""
    with pytest.raises(FetchError, match="is a number that is no address") as raised:
        pin(names("93.184.216.34"), host)
    assert raised.value.code == 11210


def test_the_machines_own_names_are_known() -> None:
    async def main(clock: VirtualClock) -> None:
        names = Names()
        with clock.working():
            for host in ("localhost", "localhost.", "x.localhost"):
                with pytest.raises(FetchError, match="may not reach"):
                    await Guard(lookup=names.lookup).pin(host, 80)
            assert "127.0.0.1" in await Guard(loopback=True, lookup=names.lookup).pin("localhost", 80)
            await names.close()

    run(main)


def test_a_name_server_that_hangs_holds_up_its_own_names_alone() -> None:
    """A hundred names of it are asked for, with as many answers to wait for, and another name is had at once."""

    async def main() -> None:
        server = await DnsServer.open({("HOST", "app.example"): (Host("93.184.216.34"),)})
        names = Names([server.nameserver])
        guard = Guard(lookup=names.lookup)
        assert await guard.pin("app.example", 80) == ("93.184.216.34",)
        server.hanging.add("tar.example")
        stuck = [asyncio.create_task(guard.pin(f"x{number}.tar.example", 80)) for number in range(100)]
        await asyncio.sleep(0.05)
        server.zone = {("HOST", "other.example"): (Host("93.184.216.35"),)}
        async with asyncio.timeout(1.0):
            assert await guard.pin("other.example", 80) == ("93.184.216.35",)
        assert not any(one.done() for one in stuck)
        found = await asyncio.gather(*stuck, return_exceptions=True)
        assert {one.code for one in found if isinstance(one, FetchError)} == {11210}
        assert {one.kind for one in found if isinstance(one, FetchError)} == {Failure.CONNECT}
        await names.close()
        server.close()

    asyncio.run(main())


def test_a_sip_host_is_judged_alike() -> None:
    async def main(clock: VirtualClock) -> None:
        with pytest.raises(FetchError):
            await Guard().check_host("[::1]")
        assert await Guard().check_host("93.184.216.34") == ("93.184.216.34",)

    run(main)
