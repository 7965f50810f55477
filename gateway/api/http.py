"""Requests and replies of the API as values, and the table of its routes; no web framework in here."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from gateway.errors import ApiError, not_found
from gateway.store.rows import Account


@dataclass(frozen=True, slots=True)
class Request:
    """What came: path variables, query and form fields (repeated names as lists), or a JSON body."""

    method: str
    path: str
    variables: Mapping[str, str]
    fields: Mapping[str, Sequence[str]]
    json: Any = None
    account: Account | None = None  # who asks
    headers: Mapping[str, str] = field(default_factory=dict)  # of any case, as the web framework has them

    @property
    def account_sid(self) -> str:
        """Whose resources are asked for: the asker's own, and no other's, whether the path names it or not."""
        assert self.account is not None, "only the operator asks without an account"
        return self.account.account_sid


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: an object as JSON (or in the format that was asked for), or a file.

    `name` is what one such object is called in XML (`Call`); a list calls its items by its key.
    """

    status: int = 200
    json: Any = None
    name: str = ""
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Serve = Callable[[Request], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """A path with `{variables}` and what serves each method."""

    path: str
    methods: Mapping[str, Serve]

    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))


class Router:
    """Finds who serves a path. The first route that fits wins: literal paths stand before those with variables."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(route.pattern(), route) for route in routes]

    def find(self, method: str, path: str, asked: str = "") -> tuple[Serve, dict[str, str]]:
        """Of a path as it was written: a variable may be anything, `%2F` too.

        404 / 20404 for an unknown path, named as it was `asked`; 405 / 20004 for a method that it does not have.
        """
        method = "GET" if method == "HEAD" else method
        for pattern, route in self._routes:
            found = pattern.fullmatch(path)
            if found is not None:
                if method not in route.methods:
                    raise ApiError(405, 20004, "Method not allowed", {"Allow": ", ".join(route.methods)})
                return route.methods[method], {name: unquote(value) for name, value in found.groupdict().items()}
        raise not_found(asked or path)
