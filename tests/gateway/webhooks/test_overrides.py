"""The fragment of a webhook's URL."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.webhooks.errors import FetchError
from gateway.webhooks.overrides import Overrides, parse


def test_nothing_given_is_the_default() -> None:
    assert parse("") == Overrides(connect=5.0, read=15.0, total=15.0, retries=1, on=frozenset({"ct"}))


def test_all_of_them() -> None:
    given = parse("ct=1000&rt=3000&tt=9000&rc=5&rp=ct,rt&e=dublin,ashburn-ix&sni=n")
    assert given == Overrides(
        connect=1.0,
        read=3.0,
        total=9.0,
        retries=5,
        on=frozenset({"ct", "rt"}),
        sni=False,
        edges=("dublin", "ashburn-ix"),
    )


def test_rp_all_is_every_kind() -> None:
    assert parse("rc=2&rp=all").on == {"ct", "rt", "4xx", "5xx"}


def test_an_anchor_is_no_override() -> None:
    assert parse("section-2") == Overrides()


@pytest.mark.parametrize(
    ("fragment", "code"),
    [
        ("ct=99", 11243), ("ct=10001", 11243), ("ct=", 11243), ("rt=15001", 11243), ("tt=1e3", 11243),
        ("rc=6", 11243), ("rc=-1", 11243), ("rp=6xx", 11243), ("rp=", 11243), ("rp=ct,", 11243), ("sni=yes", 11243),
        ("ct=99999999999999999999", 11243), ("rc=²", 11243), ("e=moon", 11240), ("e=", 11240),
    ],
)  # fmt: skip
def test_bad_values_are_refused_by_name(fragment: str, code: int) -> None:
    with pytest.raises(FetchError, match="connection override") as raised:
        parse(fragment)
    assert raised.value.code == code
    assert fragment in str(raised.value)


@settings(max_examples=100)
@given(st.text(alphabet="ctrpesni=&,0159x%", max_size=20))
def test_any_text_gives_overrides_or_a_fetch_error(fragment: str) -> None:
    try:
        found = parse(fragment)
    except FetchError:
        return
    assert 0.1 <= found.connect <= 10
    assert 0.1 <= found.total <= 15
    assert 0 <= found.retries <= 5
