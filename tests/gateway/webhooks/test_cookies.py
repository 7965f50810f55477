"""The cookies of one call."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.webhooks.cookies import LONGEST, MOST, CookieJar
from tests.lib.loop import VirtualClock

EVER = 10**9
URL = "http://app.example.com/voice/menu"


def headers(lines: list[str], *urls: str) -> list[str]:
    """What an app that has set these cookies at URL gets back at each URL."""
    kept, clock = CookieJar(), VirtualClock()
    kept.store(URL, lines, clock)
    return [kept.header(url, clock) for url in urls]


def test_cookies_go_back_to_their_host_only() -> None:
    lines = ["session=abc; HttpOnly; Domain=example.com; Path=/", "b=2; Path=/"]
    urls = URL, "http://app.example.com:8080/other", "http://other.example.com/voice/menu"
    assert headers(lines, *urls) == ["session=abc; b=2", "session=abc; b=2", ""]


def test_a_new_value_replaces_the_old_one() -> None:
    assert headers(["a=1; Path=/", "a=2; Path=/"], URL) == ["a=2"]


def test_paths() -> None:
    lines = ["deep=1", "root=2; Path=/", "odd=3; Path=relative"]
    urls = URL, "http://app.example.com/voicemail", "http://app.example.com"
    assert headers(lines, *urls) == ["deep=1; odd=3; root=2", "root=2", "root=2"]


def test_secure_cookies_need_tls() -> None:
    assert headers(["a=1; Secure; Path=/"], URL, "https://app.example.com/") == ["", "a=1"]


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("s=1; Path=/; Secure=; SameSite=None", ""), ("s=1; path = / ;Partitioned", "s=1"),
        ("s=1; SameSite=None; Priority=High; Path=/", "s=1"), ('s={"a":1}; Path=/', 's={"a":1}'),
        ('s="a b"; Path=/', 's="a b"'), ("s=é", "s=é"), ("s==x=", "s==x="), ("s=", "s="), ("s", ""), ("=1", ""),
        ("", ""), ("s=\udce9", ""), ("s=\x01", ""), (f"s={'x' * LONGEST}", ""),
    ],
)  # fmt: skip
def test_values_and_attributes_of_every_kind(line: str, sent: str) -> None:
    """A value goes back as it came; attributes that are not known are left (RFC 6265 §5.2)."""
    assert headers([line], URL) == [sent]


@pytest.mark.parametrize(
    "how",
    [
        "Max-Age=0",
        "Max-Age=-5",
        "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "Max-Age=0; Expires=Wed, 09 Jun 2099 10:18:14 GMT",
    ],
)
def test_cookies_are_removed_by_age_and_by_date(how: str) -> None:
    assert headers(["a=1; Path=/", f"a=; Path=/; {how}"], URL) == [""]


@pytest.mark.parametrize(
    ("how", "seconds"),
    [("Max-Age=60", 60), ("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 60), ("Expires={date}", 90),
     ("Max-Age=never", EVER), ("Expires=soon", EVER), ("Expires=Wed, 09 Jun 2199 10:18:14 GMT", EVER)],
)  # fmt: skip
def test_a_cookie_is_sent_until_its_time_is_over(how: str, seconds: int) -> None:
    kept, clock = CookieJar(), VirtualClock()
    how = how.format(date=format_datetime(clock.wall() + timedelta(seconds=90)))
    kept.store(URL, [f"a=1; Path=/; {how}", "b=2; Path=/"], clock)
    clock.time += seconds - 1
    assert kept.header(URL, clock) == "a=1; b=2"
    clock.time += 2
    assert kept.header(URL, clock) == ("b=2" if seconds < EVER else "a=1; b=2")


def test_a_jar_is_bounded() -> None:
    lines = [f"c{number}=1; Path=/" for number in range(MOST + 10)]
    (sent,) = headers([*lines, "c0=2; Path=/"], URL)
    assert len(sent.split("; ")) == MOST
    assert "c0=2" in sent


def test_cookies_whose_time_is_over_take_no_room() -> None:
    kept, clock = CookieJar(), VirtualClock()
    kept.store(URL, [f"c{number}=1; Path=/; Max-Age=5" for number in range(MOST)], clock)
    clock.time += 6
    kept.store(URL, ["a=1"], clock)
    assert kept.header(URL, clock) == "a=1"


@settings(max_examples=100)
@given(st.text(max_size=40))
def test_any_line_is_kept_or_left(line: str) -> None:
    (sent,) = headers([line, "a=1; Path=/"], URL)
    assert "a=1" in sent
    sent.encode()
