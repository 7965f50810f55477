"""A carrier that a customer brings along, used with Twilio's own library: its first target is out of order."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier, header
from tests.interop.sipp.conftest import DIALLED, ENDS, Stage

pytestmark = pytest.mark.interop

OWN = "+4930901820"


def test_the_second_target_answers_where_the_first_is_out_of_order(
    stage: Stage, carrier: Carrier, other: Carrier
) -> None:
    client = stage.gateway.client()
    policy = client.voice.v1.connection_policies.create()
    targets = client.voice.v1.connection_policies(policy.sid).targets
    targets.create(target=other.uri, priority=2)
    targets.create(target=carrier.uri, priority=1)
    domain = client.sip.domains.create(domain_name="byoc.example")
    byoc = client.voice.v1.byoc_trunks.create(connection_policy_sid=policy.sid, from_domain_sid=domain.sid)
    broken = s.asked("INVITE"), s.reply("503 Service Unavailable"), s.asked("ACK")
    well = s.asked("INVITE"), s.reply("200 OK", body=s.sdp(), retrans=True), s.asked("ACK"), *s.ENDED
    with carrier.answering(*broken), other.answering(*well):
        call = client.calls.create(to=DIALLED, from_=OWN, twiml=ENDS, byoc=byoc.sid)
    stage.ended("completed", call.sid)
    for one in (carrier, other):
        (invite,) = one.received("INVITE")
        assert invite.startswith(f"INVITE sip:{DIALLED}@127.0.0.1:{one.port} SIP/2.0")
        assert header(invite, "From").startswith(f"<sip:{OWN}@byoc.example>;tag=")
    assert byoc.delete()
    with pytest.raises(TwilioRestException) as refused:
        client.calls.create(to=DIALLED, from_=OWN, twiml=ENDS, byoc=byoc.sid)
    assert (refused.value.status, refused.value.code) == (400, 21300)
