"""One API for the tests of a file: each takes care of what it makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lib.rest import Rest, rest


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    """The API on a free port."""
    with rest(tmp_path_factory.mktemp("api")) as one:
        yield one
