"""The arena: pages stay where they are while they are played, and go in order of their last player."""

from __future__ import annotations

import numpy as np
import pytest

from media.arena import PAGE, Arena, Page
from media.errors import AudioError
from media.frames import FRAME, Wire


def page(number: int, sound: str = "a") -> Page:
    return Page(sound, 0, 0.0, number)


class Pages:
    """An arena, and how often each page was made: full of its number."""

    def __init__(self, pages: int) -> None:
        self.arena = Arena(pages * PAGE)
        self.made: list[int] = []

    def pin(self, number: int) -> int:
        return self.arena.pin(page(number), lambda: self.make(number))

    def make(self, number: int) -> Wire:
        self.made.append(number)
        return np.full(PAGE, number, np.uint8)


def test_a_page_is_made_once_however_many_play_it() -> None:
    pages = Pages(4)
    assert pages.pin(1) == pages.pin(1)
    assert pages.made == [1]


def test_a_page_that_nobody_plays_is_kept_and_not_made_again() -> None:
    pages = Pages(4)
    at = pages.pin(1)
    pages.arena.unpin(at)
    assert pages.pin(1) == at
    assert pages.made == [1]


def test_the_page_that_nobody_played_for_longest_goes_first() -> None:
    pages = Pages(3)
    places = {number: pages.pin(number) for number in (1, 2, 3)}
    for number in (2, 1, 3):
        pages.arena.unpin(places[number])
    pages.arena.unpin(pages.pin(2))  # played again
    assert pages.pin(4) == places[1]
    assert pages.pin(5) == places[3]
    assert pages.pin(2) == places[2]
    assert pages.made == [1, 2, 3, 4, 5]


def test_what_is_played_is_neither_moved_nor_overwritten() -> None:
    pages = Pages(3)
    at = pages.pin(1)
    for number in range(2, 100):
        pages.arena.unpin(pages.pin(number))
    assert (pages.arena.frames(np.array([at, at + PAGE - FRAME])) == 1).all()
    assert pages.pin(1) == at


def test_more_than_there_is_room_for_at_the_same_moment_is_a_memory_error_and_takes_nothing() -> None:
    pages = Pages(2)
    first = pages.pin(1)
    pages.pin(2)
    with pytest.raises(MemoryError, match=f"what plays at the moment is more than {2 * PAGE} bytes"):
        pages.pin(3)
    pages.arena.unpin(first)
    assert pages.pin(3) == first


def test_a_page_that_cannot_be_made_takes_no_room() -> None:
    pages = Pages(1)

    def fail() -> Wire:
        raise AudioError("gone")

    with pytest.raises(AudioError):
        pages.arena.pin(page(1), fail)
    assert pages.arena.used == 0
    assert pages.pin(2) == 0


def test_used_and_bound_are_bytes_of_whole_pages() -> None:
    pages = Pages(5)
    for number in range(3):
        pages.arena.unpin(pages.pin(number))
    assert (pages.arena.used, pages.arena.bound) == (3 * PAGE, 5 * PAGE)
    for number in range(10):
        pages.arena.unpin(pages.pin(number))
    assert pages.arena.used == 5 * PAGE


def test_a_bound_below_one_page_is_one_page() -> None:
    assert Arena(100).bound == PAGE


def test_the_end_of_the_last_page_can_be_asked_for() -> None:
    """A row that has played the last page to its end is there for a moment."""
    pages = Pages(1)
    at = pages.pin(7)
    assert pages.arena.frames(np.array([at + PAGE])).shape == (1, FRAME)
