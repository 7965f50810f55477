"""Randomness from the operating system, in blocks."""

from __future__ import annotations

import os

import pytest

from gateway.chance import BLOCK, Chance


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were fetched each time; they count up."""
    fetched: list[int] = []

    def urandom(count: int) -> bytes:
        fetched.append(count)
        return bytes(range(256)) * (count // 256) + bytes(count % 256)

    monkeypatch.setattr(os, "urandom", urandom)
    return fetched


def test_one_block_serves_many_and_no_byte_twice(blocks: list[int]) -> None:
    chance = Chance()
    assert [chance.getrandbits(16) for _ in range(3)] == [0x0001, 0x0203, 0x0405]
    assert chance.getrandbits(3) == 0x06 >> 5
    assert chance.getrandbits(8) == 0x07
    assert blocks == [BLOCK]


def test_what_is_left_of_a_block_is_not_stretched(blocks: list[int]) -> None:
    chance = Chance()
    assert len({chance.getrandbits(128 * 8) for _ in range(BLOCK // 128 - 1)}) > 1
    assert chance.getrandbits(136 * 8).bit_length() <= 136 * 8
    assert blocks == [BLOCK, BLOCK]
    chance.getrandbits(8 * (BLOCK + 1))
    assert blocks == [BLOCK, BLOCK, BLOCK + 1]


def test_everything_that_random_offers_is_made_of_it(blocks: list[int]) -> None:
    chance = Chance()
    assert 0 <= chance.random() < 1
    assert chance.randrange(1, 7) in range(1, 7)
    assert chance.choice("abc") in "abc"
    assert len(chance.randbytes(5)) == 5
    assert sorted(chance.sample(range(10), 10)) == list(range(10))
    assert blocks == [BLOCK]


def test_it_is_the_operating_systems() -> None:
    assert len({Chance().getrandbits(128) for _ in range(50)}) == 50
