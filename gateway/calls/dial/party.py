"""Who was called and has answered: a party without a document of its own, until the REST API gives it one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.calls.call import Call
from gateway.calls.sources import Source
from gateway.calls.standby import Standby


class Party:
    """It leaves the Dial with the first document that it is given. To who gives one, it is like a Script."""

    running = True

    def __init__(self) -> None:
        self.standby = Standby(None, "")
        self.sent: asyncio.Future[Source] = asyncio.get_running_loop().create_future()

    def replace(self, source: Source) -> None:
        """It goes on with this."""
        if not self.sent.done():
            self.sent.set_result(source)


@contextmanager
def talking(call: Call) -> Iterator[Party]:
    """The call is joined with the one that dialled it, or is about to be, for as long as this lasts."""
    party = call.services.parties.talking[call.sid] = Party()
    try:
        yield party
    finally:
        del call.services.parties.talking[call.sid]
