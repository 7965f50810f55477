"""Random documents, valid and not, run to the end of their calls: nothing escapes, and what is unknown is named."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lib.documents import Node, documents, mutated
from tests.lib.timedcall import lived
from twiml.document import Document, parse
from twiml.errors import TwimlError

QUICK = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
SEEDS = st.integers(0, 2**32)
REFUSED = {11750, 11770, 12100, 12101, 12102}


def page(node: Node) -> Document:
    return parse(str(node).encode())


@settings(max_examples=1000, deadline=None, suppress_health_check=QUICK)
@given(st.lists(documents(), min_size=1, max_size=3), SEEDS)
def test_a_thousand_calls_of_valid_documents_end_without_a_warning(nodes: list[Node], seed: int) -> None:
    pages = {f"/{number}": page(node) for number, node in enumerate(nodes)}
    for node, document in zip(nodes, pages.values(), strict=True):
        assert document.warnings == (), str(node)
    assert lived(pages, seed).ends


@settings(max_examples=1000, deadline=None, suppress_health_check=QUICK)
@given(documents(), SEEDS)
def test_ten_thousand_calls_of_broken_documents_end(node: Node, seed: int) -> None:
    """They are refused with Twilio's error, or run with warnings that have a place."""
    codes: list[int] = []
    for number in range(10):
        random = Random(seed + number)
        try:
            document = parse(mutated(node, random))
        except TwimlError as error:
            codes.append(error.code)
            continue
        for warning in document.warnings:
            assert 10000 <= warning.code <= 99999
            assert min(warning.line, warning.column) >= 1, warning
        assert lived({"/": document}, random.random()).ends
    assert set(codes) <= REFUSED


@settings(max_examples=1000, deadline=None, suppress_health_check=QUICK)
@given(documents(), st.data())
def test_an_unknown_attribute_or_element_anywhere_is_named(root: Node, data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(root.all()))
    if data.draw(st.booleans()):
        one.attributes["wobble"] = "1"
        said = "wobble"
    else:
        one.children.append(Node("Wobble"))
        said = "<Wobble>"
    assert [said in warning.message for warning in page(root).warnings] == [True], str(root)
