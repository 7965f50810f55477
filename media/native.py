"""The C libraries that `make setup` builds beside their sources; without them the same is done in Python."""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path

LOG = logging.getLogger(__name__)


def load(library: Path, *sources: str) -> ctypes.CDLL | None:
    """A library of ours; None where it was not built, cannot be loaded, or is older than its sources beside it:
    what it does with our memory may be something else by now."""
    try:
        built = library.stat().st_mtime_ns
        newer = [name for name in sources if _changed(library.with_name(name)) > built]
        if newer:
            LOG.warning("! %s is older than %s and not used: make setup builds it anew", library.name, newer[0])
            return None
        return ctypes.CDLL(str(library))
    except OSError:
        return None


def _changed(source: Path) -> int:
    return source.stat().st_mtime_ns if source.exists() else 0
