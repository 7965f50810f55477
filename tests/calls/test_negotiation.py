"""What a leg makes of SDP that leads nowhere."""

from __future__ import annotations

from random import Random

import pytest

from gateway.calls.negotiation import MediaSettings, Negotiation
from media import negotiate
from media.errors import NegotiationError

FOUR, SIX = "192.0.2.1", "2001:db8::1"


def description(ip: str) -> bytes:
    return negotiate.offer(ip, 4000, ("PCMU",), session_id=1, version=1)


def of(ip: str) -> Negotiation:
    return Negotiation(MediaSettings(ip, ("PCMU",)), Random(1), "", symmetric=False)


@pytest.mark.parametrize(("ours", "theirs"), [(FOUR, SIX), (SIX, FOUR)])
def test_media_that_no_packet_of_ours_reaches_is_refused(ours: str, theirs: str) -> None:
    """Instead of a call that nobody hears."""
    sentence = f"their media is at {theirs}, which ours at {ours} does not reach"
    with pytest.raises(NegotiationError, match=sentence):
        of(ours).answer(description(theirs), 5000)
    leg = of(ours)
    leg.offer(5000)
    with pytest.raises(NegotiationError, match=sentence):
        leg.accept(description(theirs))


@pytest.mark.parametrize("nobody", ["0.0.0.0", "::"])
def test_the_address_of_nobody_is_hold_whatever_its_kind(nobody: str) -> None:
    for ours in (FOUR, SIX):
        assert not of(ours).answer(description(nobody), 5000)[1].send
