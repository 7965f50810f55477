"""Connection overrides: the fragment of a webhook's URL, never sent and never signed (webhooks.md: overrides)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from gateway.webhooks.errors import FetchError

BAD_EDGE, BAD_VALUE = 11240, 11243
RANGES = {"ct": (100, 10000), "rt": (100, 15000), "tt": (100, 15000), "rc": (0, 5)}
KINDS = frozenset({"4xx", "5xx", "ct", "rt"})
EDGES = frozenset({"ashburn", "dublin", "frankfurt", "sao-paulo", "singapore", "sydney", "tokyo", "umatilla"})


@dataclass(frozen=True, slots=True)
class Overrides:
    """Time-outs in seconds, the number of retries, which kinds of failure are retried, whether TLS says the name."""

    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0  # over all attempts and redirects
    retries: int = 1
    on: frozenset[str] = frozenset({"ct"})
    sni: bool = True
    edges: tuple[str, ...] = ()  # the way out: the first's for the first attempt, the next one's for each retry

    def edge(self, attempt: int) -> str:
        """Where an attempt (from 0) goes out; empty: wherever."""
        return self.edges[attempt % len(self.edges)] if self.edges else ""


def parse(fragment: str) -> Overrides:
    """FetchError 11240 or 11243 for a bad value. Keys that are no overrides are a page's anchor, and nothing to us."""
    given = dict(pair.partition("=")[::2] for pair in fragment.split("&"))
    values = {key: unquote(value) for key, value in given.items()}
    if values.get("sni", "y") not in ("y", "n"):
        raise FetchError(BAD_VALUE, f"connection override sni={values['sni']} is neither y nor n")
    return Overrides(
        connect=_number(values, "ct", 5000) / 1000,
        read=_number(values, "rt", 15000) / 1000,
        total=_number(values, "tt", 15000) / 1000,
        retries=_number(values, "rc", 1),
        on=_kinds(values.get("rp", "ct")),
        sni=values.get("sni", "y") == "y",
        edges=_edges(values["e"]) if "e" in values else (),
    )


def _number(values: dict[str, str], key: str, default: int) -> int:
    text = values.get(key)
    if text is None:
        return default
    least, most = RANGES[key]
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        raise FetchError(BAD_VALUE, f"connection override {key}={text} is not {least}-{most}")
    return int(text)


def _kinds(text: str) -> frozenset[str]:
    kinds = frozenset(text.split(","))
    if not kinds <= KINDS | {"all"}:
        raise FetchError(BAD_VALUE, f"connection override rp={text} is not of 4xx, 5xx, ct, rt, all")
    return KINDS if "all" in kinds else kinds


def _edges(text: str) -> tuple[str, ...]:
    edges = tuple(text.split(","))
    if not all(is_edge(edge) for edge in edges):
        raise FetchError(BAD_EDGE, f"connection override e={text} names no edge that exists")
    return edges


def is_edge(name: str) -> bool:
    """One of Twilio's; `-ix` is its private line to a customer."""
    return name.removesuffix("-ix") in EDGES
