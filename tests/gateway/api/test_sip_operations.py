"""Each operation that Twilio describes for SIP, trunks and voice settings is there, and answers as described."""

from __future__ import annotations

from tests.lib import oai, sip_walk
from tests.lib.rest import Rest


def test_every_operation_answers_as_described(api: Rest) -> None:
    api.do(api.store.numbers.stock(["+15555550100"]))
    client = api.client()
    sip_walk.walk(client)
    call = client.calls.create(to="+12125550123", from_="+15555550100", twiml="<Response/>").update(status="completed")
    assert client.voice.v1.archived_calls(call.date_created.date(), call.sid).delete()
    assert client.calls.list() == []
    asked = {oai.check(one.method, one.path, one.status, one.body) for one in api.answers}
    products = (oai.operations(oai.PRODUCTS[name]) for name in ("trunking", "voice"))
    described = oai.operations(oai.CORE, "/SIP/").union(*products)
    assert described - asked == set()
