"""Transfers: REFER both ways, with its NOTIFYs (RFC 3515), and calls that take another's place (RFC 3891)."""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import Stage

pytestmark = pytest.mark.interop


def test_a_refer_that_nobody_waits_for_is_refused_and_the_call_goes_on(stage: Stage, carrier: Carrier) -> None:
    carrier.call(
        stage.sip, s.invite(), *s.ANSWERED, s.request("REFER", 2, "Refer-To: <sip:carol@127.0.0.1>"), s.expect(603),
        s.request("REFER", 3), s.expect(400), s.request("REFER", 4, "Refer-To: ;;;"), s.expect(400),
        s.request("NOTIFY", 5, "Event: refer", "Subscription-State: active"), s.expect(481),
        s.request("NOTIFY", 6, "Event: presence", "Subscription-State: active"), s.expect(489, Allow_Events="refer"),
        *s.BYE,
    )  # fmt: skip


def test_a_refer_outside_of_a_call(stage: Stage, carrier: Carrier) -> None:
    refer = s.invite("", "Refer-To: <sip:carol@127.0.0.1>", retrans=False).replace("INVITE", "REFER")
    carrier.call(stage.sip, refer, s.expect(603))
