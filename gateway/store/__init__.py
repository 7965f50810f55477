"""What outlives the process: tables, migrations, repositories."""

from __future__ import annotations

from gateway.store.store import Store

__all__ = ["Store"]
