"""The cookies of one call."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.webhooks.cookies import MOST, CookieJar

URL = "http://app.example.com/voice/menu"


def jar(*lines: str) -> CookieJar:
    kept = CookieJar()
    kept.store(URL, list(lines))
    return kept


def test_cookies_go_back_to_their_host_only() -> None:
    kept = jar("session=abc; HttpOnly; Domain=example.com; Path=/", "b=2; Path=/")
    assert kept.header(URL) == "session=abc; b=2"
    assert kept.header("http://app.example.com:8080/other") == "session=abc; b=2"
    assert kept.header("http://other.example.com/voice/menu") == ""


def test_a_new_value_replaces_the_old_one() -> None:
    kept = jar("a=1; Path=/")
    kept.store(URL, ["a=2; Path=/"])
    assert kept.header(URL) == "a=2"


def test_paths() -> None:
    kept = jar("deep=1", "root=2; Path=/", "odd=3; Path=relative")
    assert kept.header(URL) == "deep=1; odd=3; root=2"
    assert kept.header("http://app.example.com/voicemail") == "root=2"
    assert kept.header("http://app.example.com") == "root=2"


def test_secure_cookies_need_tls() -> None:
    kept = jar("a=1; Secure; Path=/")
    assert kept.header(URL) == ""
    assert kept.header("https://app.example.com/") == "a=1"


def test_cookies_are_removed_by_age_and_by_date() -> None:
    for how in ("Max-Age=0", "Max-Age=-5", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"):
        kept = jar("a=1; Path=/", f"a=; Path=/; {how}")
        assert kept.header(URL) == ""
    assert jar("a=1; Max-Age=60; Path=/").header(URL) == "a=1"
    assert jar("a=1; Expires=Wed, 09 Jun 2099 10:18:14 GMT; Path=/").header(URL) == "a=1"


def test_a_jar_is_bounded() -> None:
    kept = jar(*(f"c{number}=1; Path=/" for number in range(MOST + 10)))
    assert len(kept.header(URL).split("; ")) == MOST
    kept.store(URL, ["c0=2; Path=/"])
    assert "c0=2" in kept.header(URL)


@settings(max_examples=100)
@given(st.text(max_size=40))
def test_any_line_is_kept_or_left(line: str) -> None:
    kept = jar(line, "a=1; Path=/")
    assert "a=" in kept.header(URL)
