"""None of Twilio's voice operations is forgotten, and the page says of each what becomes of it."""

from __future__ import annotations

import pytest

from tests.lib.voice_operations import router, served, shown, table, voice_paths

OPERATIONS = [(method, path) for path, methods in voice_paths() for method in methods]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_voice_operation_is_served_or_refused_in_words(method: str, path: str) -> None:
    assert served(router(), method, path)


def test_the_page_says_what_becomes_of_each() -> None:
    assert shown() == table(), "run python -m tests.lib.voice_operations"
