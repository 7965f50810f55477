"""The inventory that a gateway has at its first start: a hundred numbers of the range that is nobody's."""

from __future__ import annotations

DEFAULT = tuple(f"+1555555{number:04d}" for number in range(100, 200))
