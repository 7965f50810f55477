"""A thousand random valid TwiML documents and ten thousand broken ones; too many to be among the quick tests."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lib.documents import documents
from tests.twiml.test_random_documents import LARGE, PAGES, SEEDS, broken_ones_end, unknown_is_named, valid_ones_end

THOUSAND = settings(max_examples=1000, deadline=None, suppress_health_check=LARGE)

test_a_thousand_calls_of_valid_documents_end_without_a_warning = THOUSAND(given(PAGES, SEEDS)(valid_ones_end))
test_ten_thousand_calls_of_broken_documents_end = THOUSAND(given(documents(), SEEDS)(broken_ones_end))
test_an_unknown_attribute_or_element_anywhere_is_named = THOUSAND(given(documents(), st.data())(unknown_is_named))
