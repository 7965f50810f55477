"""W3C trace context: all requests about a call are spans of one trace, whose id is that of the call's SID.

So who has a call's SID finds it in a tracing system, and the other way round.
"""

from __future__ import annotations

import re

from gateway.sids import Sids

_SID = re.compile(r"[A-Z]{2}([0-9a-f]{32})")
NONE = "0" * 32  # what a trace's id may not be


def traceparent(subject: str, sids: Sids) -> str:
    """The header of a request about `subject`, a SID; a trace of its own where it is none. Each is a new span.

    The flag is "sampled": what was sent is kept here for a day.
    """
    found = _SID.fullmatch(subject)
    trace = found[1] if found is not None and found[1] != NONE else sids.token()
    return f"00-{trace}-{sids.token()[:16]}-01"
