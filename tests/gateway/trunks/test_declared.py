"""What the file declares: what is wrong with it is said with its name, and what leads nowhere is found."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import ConfigError
from gateway.trunks.book import declared, unknown

ACME = {"name": "acme"}


@pytest.mark.parametrize(
    ("trunks", "routes", "sentence"),
    [
        ([{"name": "acme", "uri": []}], [], "trunk acme: uri is not a field; did you mean uris?"),
        ([ACME, {"uris": []}], [], "trunk number 2: name: Field required"),
        ([{"name": "acme", "uris": ["tel:1"]}], [], "trunk acme: uris: "),
        ([ACME, {"name": "b"}, ACME], [], "trunk acme is declared twice"),
        ([ACME], [{"prefix": "+1", "trunk": "acme"}], "route +1: "),
        ([ACME], [{"prefix": "+1", "trunks": ["acme"]}] * 2, "route +1 is declared twice"),
    ],
)
def test_what_cannot_be(trunks: list[dict[str, Any]], routes: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        declared(trunks, routes)
    assert str(raised.value).startswith(sentence)


def test_routes_to_nowhere_are_found() -> None:
    trunks, routes = declared([ACME], [{"prefix": "+1", "trunks": ["acme", "spare"]}, {"prefix": "+", "trunks": ["b"]}])
    assert unknown(trunks, routes) == [("+1", "spare"), ("+", "b")]
