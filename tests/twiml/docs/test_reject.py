"""`<Reject>`: an incoming call is refused without being answered."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran


@pytest.mark.parametrize("reason", ["rejected", "busy"])
def test_the_call_is_refused_with_its_reason(reason: str) -> None:
    done = ran(f"<Reject reason='{reason}'/><Say>Never</Say>")
    assert (done.call.asked, done.ended) == ([("reject", reason)], True)


def test_without_a_good_reason_it_is_rejected() -> None:
    assert ran("<Reject/>").call.asked == [("reject", "rejected")]
    done = ran("<Reject reason='bored'/>")
    assert (done.call.asked, done.codes) == ([("reject", "rejected")], [13810])


def test_parameters_are_named_as_not_supported() -> None:
    assert ran("<Reject><Parameter name='a' value='b'/></Reject>").codes == [12200]
