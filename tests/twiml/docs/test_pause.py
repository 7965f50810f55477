"""`<Pause>`: silence; as the first verb it keeps the phone ringing."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran


def test_it_lasts_a_second_by_default() -> None:
    assert ran("<Pause/>").call.asked[0] == ("pause", 1)


def test_it_lasts_as_long_as_it_says() -> None:
    assert ran("<Pause length='12'/>").call.asked[0] == ("pause", 12)


@pytest.mark.parametrize("length", ["0", "-3", "long", "2.5"])
def test_a_wrong_length_is_a_second_with_a_warning(length: str) -> None:
    done = ran(f"<Pause length='{length}'/>")
    assert (done.call.asked[0], done.codes) == (("pause", 1), [13910])
