"""What the documentation shows of files is what the files say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from gateway.trunks.model import Route, Trunk

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "kamailio.md").read_text()


def block(kind: str) -> str:
    """The first code block of a kind."""
    found = re.search(rf"^```{kind}\n(.*?)^```$", PAGE, re.S | re.M)
    assert found is not None
    return found[1]


def test_the_excerpt_for_kamailio_is_what_the_tests_run() -> None:
    """Line by line, in this order but for what is between."""
    rest = iter((ROOT / "tests" / "interop" / "kamailio" / "carrier.cfg").read_text().splitlines())
    for line in filter(str.strip, block("").splitlines()):
        assert any(line == one for one in rest), f"{line!r} does not follow in carrier.cfg"


def test_the_trunk_behind_kamailio_is_one() -> None:
    declared = tomllib.loads(block("toml"))
    (trunk,) = map(Trunk.model_validate, declared["trunks"])
    (route,) = map(Route.model_validate, declared["routes"])
    assert (trunk.name, len(trunk.targets), route.trunks) == ("front", 2, ("front",))
