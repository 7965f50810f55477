"""Relative URLs, user info, and what is sent."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve, target, with_query


@pytest.mark.parametrize(
    ("base", "url", "absolute"),
    [
        ("https://app.example.com/a/b?x=1", "c", "https://app.example.com/a/c"),
        ("https://app.example.com/a/b", "/c?y=2", "https://app.example.com/c?y=2"),
        ("https://app.example.com/a/b", "../c", "https://app.example.com/c"),
        ("https://app.example.com/a", "  http://other.example/z \n", "http://other.example/z"),
        (None, "https://app.example.com/a#rc=2", "https://app.example.com/a#rc=2"),
    ],
)
def test_relative_urls_belong_to_their_document(base: str | None, url: str, absolute: str) -> None:
    assert resolve(base, url) == absolute


@pytest.mark.parametrize(
    "url", ["/voice", "", "ftp://a.example/x", "http://", "mailto:a@b", "http://[::1", "javascript:1"]
)
def test_what_is_no_http_url_is_11100(url: str) -> None:
    with pytest.raises(FetchError) as raised:
        resolve(None, url)
    assert raised.value.code == 11100


def test_user_info_and_fragment_are_taken_off() -> None:
    found = target("https://us%40er:p%3Ass@App.example.com:8443/v?x=%41#rc=3")
    assert found.url == "https://App.example.com:8443/v?x=%41"  # capitals are signed
    assert found.credentials == ("us@er", "p:ss")
    assert (found.host, found.port, found.overrides.retries) == ("app.example.com", 8443, 3)


def test_default_ports() -> None:
    assert target("http://a.example/").port == 80
    assert target("https://a.example/").port == 443
    assert target("http://[::1]/x").url == "http://[::1]/x"
    assert target("HTTP://user:p@A.Example./").url == "http://A.Example./"


def test_what_is_not_ascii_is_escaped_and_the_rest_stays() -> None:
    found = target("https://bücher.example/ä?q=ö&r=%2f+a")
    assert found.url == "https://xn--bcher-kva.example/%C3%A4?q=%C3%B6&r=%2f+a"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://my_app.example/v", 11210), ("http://-a-.example-/", 11210), ("http://a..b\u00e9.example/", 11210),
        ("http://a.example:99999/", 11100), ("http://a.example:x/", 11100), ("http://a.example/a b", 11100),
        ("http://a.example/\x01", 11100), ("http://a%0d.example/", 11210),
    ],
)  # fmt: skip
def test_hosts_and_urls_that_cannot_be(url: str, code: int) -> None:
    with pytest.raises(FetchError) as raised:
        target(url)
    assert raised.value.code == code


def test_a_gets_parameters_stand_behind_a_query_that_stays() -> None:
    pairs = [("Digits", "1 2"), ("From", "+1555")]
    assert with_query("http://a.example/v", pairs) == "http://a.example/v?Digits=1+2&From=%2B1555"
    assert with_query("http://a.example/v?a&b=%20", pairs[:1]) == "http://a.example/v?a&b=%20&Digits=1+2"
    assert with_query("http://a.example/v?a", []) == "http://a.example/v?a"


@settings(max_examples=150)
@given(st.text(alphabet="htp:/.@#?[]%a1_ \\\n\u00e9", max_size=24))
def test_any_text_is_a_target_or_a_fetch_error(text: str) -> None:
    try:
        found = target(f"http://{text}")
    except FetchError:
        return
    assert found.url.isascii()
    assert "@" not in urlsplit(found.url).netloc
