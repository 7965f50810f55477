"""Each operation that Twilio describes for SIP, trunks and voice settings is there, and answers as described."""

from __future__ import annotations

from tests.lib import oai, sip_walk
from tests.lib.rest import Rest

NOT_OURS = {"DeleteArchivedCall"}  # of Twilio's archive of calls, which is elsewhere than its database


def test_every_operation_answers_as_described(api: Rest) -> None:
    api.do(api.store.numbers.stock(["+15555550100"]))
    sip_walk.walk(api.client())
    asked = {oai.check(one.method, one.path, one.status, one.body) for one in api.answers}
    described = oai.operations(oai.CORE, "/SIP/").union(*map(oai.operations, oai.PRODUCTS.values()))
    assert described - asked == NOT_OURS
