"""What the documentation shows of files is what the files say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gateway.config import load
from gateway.trunks.model import Route, Trunk

ROOT = Path(__file__).parents[2]
KAMAILIO, RUNNING = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("kamailio", "running"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)")
OPERATORS_PATH = re.compile(r'Route\("/operator/v1/([^"]+)"')


def block(kind: str, page: str = KAMAILIO) -> str:
    """The first code block of a kind."""
    found = re.search(rf"^```{kind}\n(.*?)^```$", page, re.S | re.M)
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


def anchors(page: Path) -> set[str]:
    """What may stand behind `#`, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for file, anchor in LINK.findall(page.read_text()):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name}: {file}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {file}#{anchor}"


def test_the_settings_of_a_gateway_that_is_reachable_are_some(tmp_path: Path) -> None:
    (tmp_path / "trunkline.toml").write_text(block("toml", RUNNING))
    settings = load(tmp_path / "trunkline.toml")
    assert not settings.loopback_only
    assert (settings.http.operator, settings.media.rtp_range[0]) == ("127.0.0.1:8081", "0.0.0.0")


def test_the_operators_api_is_all_in_its_table() -> None:
    """But for the names of variables."""
    files = (ROOT / "gateway" / "api" / "operator").glob("*.py")
    served = [path for file in files for path in OPERATORS_PATH.findall(file.read_text())]
    shown = re.sub(r"\{[^}]*\}", "{}", RUNNING)
    assert len(served) > 20
    assert [path for path in served if f"`{re.sub(r'{[^}]*}', '{}', path)}`" not in shown] == []
