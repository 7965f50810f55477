"""`<Echo>`: the caller hears itself."""

from __future__ import annotations

from tests.lib.callcontrol import ran


def test_it_lasts_until_the_caller_hangs_up_and_the_document_goes_on() -> None:
    assert ran("<Echo/><Pause/>").call.did == ["echo", "pause", "hangup"]


def test_it_has_no_attributes() -> None:
    assert ran("<Echo loop='2'/>").codes == [12200]
