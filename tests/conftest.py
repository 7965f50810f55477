"""What all tests share: examples that stay the same in CI, a collector that runs seldom, a schema made once."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from gateway.store import database
from tests.lib import migrated

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

gc.freeze()
gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def schema_made_once() -> Iterator[None]:
    """A new database gets what the migrations made of the first one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrate", migrated.migrate)
        yield
