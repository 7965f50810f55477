"""Random documents, valid and not, run to the end of their calls: nothing escapes, and what is unknown is named."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lib.documents import Node, documents, mutated
from tests.lib.timedcall import lived
from twiml.document import Document, parse
from twiml.errors import TwimlError

LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
SEEDS = st.integers(0, 2**32)
PAGES = st.lists(documents(), min_size=1, max_size=3)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=LARGE)  # tests/interop has the thousands
REFUSED = {11750, 11770, 12100, 12101, 12102}


def page(node: Node) -> Document:
    return parse(str(node).encode())


def valid_ones_end(nodes: list[Node], seed: int) -> None:
    """A call of valid documents ends without a warning."""
    pages = {f"/{number}": page(node) for number, node in enumerate(nodes)}
    for node, document in zip(nodes, pages.values(), strict=True):
        assert document.warnings == (), str(node)
    assert lived(pages, seed).ends


def broken_ones_end(node: Node, seed: int) -> None:
    """Ten mutations are refused with Twilio's error, or run with warnings that have a place."""
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


def unknown_is_named(root: Node, data: st.DataObject) -> None:
    """An attribute or element that nobody knows, anywhere."""
    one = data.draw(st.sampled_from(root.all()))
    if data.draw(st.booleans()):
        one.attributes["wobble"] = "1"
        said = "wobble"
    else:
        one.children.append(Node("Wobble"))
        said = "<Wobble>"
    assert [said in warning.message for warning in page(root).warnings] == [True], str(root)


test_calls_of_valid_documents_end_without_a_warning = FEW(given(PAGES, SEEDS)(valid_ones_end))
test_calls_of_broken_documents_end = FEW(given(documents(), SEEDS)(broken_ones_end))
test_an_unknown_attribute_or_element_anywhere_is_named = FEW(given(documents(), st.data())(unknown_is_named))
