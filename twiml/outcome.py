"""How a verb, and a document, ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Next:
    """Go on with the next verb; after the last one the call is hung up."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Fetch another document. `url` may be relative to the current one; None is the current document itself."""

    url: str | None
    method: str = "POST"
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more to do with this call: it was hung up or refused."""


Outcome = Next | Redirect | End
