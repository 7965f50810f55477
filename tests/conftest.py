"""What all tests share: hypothesis chooses the same examples every time where CI is set; the collector runs seldom."""

from __future__ import annotations

import gc
import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

gc.freeze()
gc.set_threshold(50_000, 20, 100)
