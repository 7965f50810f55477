"""`<Application>` in `<Dial>`: an application answers the call."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran, targets
from twiml.targets import ApplicationTarget, Screen

SID = "AP" + "0a" * 16


def test_a_sid_as_text_or_as_a_child() -> None:
    assert targets(f"<Dial><Application>{SID}</Application></Dial>") == (ApplicationTarget(SID),)
    verb = f"<Dial><Application><ApplicationSid>{SID}</ApplicationSid></Application></Dial>"
    assert targets(verb) == (ApplicationTarget(SID),)


def test_everything_can_be_chosen() -> None:
    verb = f"""<Dial><Application url="/w" method="GET" statusCallback="/s" statusCallbackEvent="answered"
        statusCallbackMethod="GET" customerId="c" copyParentTo="true"><ApplicationSid>{SID}</ApplicationSid>
        <Parameter name="n" value="v"/></Application></Dial>"""
    assert targets(verb) == (
        ApplicationTarget(SID, (("n", "v"),), "/s", "GET", ("answered",), Screen("/w", "GET"), "c", True),
    )


@pytest.mark.parametrize("sid", ["", "AP1", "CA" + "0a" * 16])
def test_what_is_no_sid_is_not_dialled(sid: str) -> None:
    assert ran(f"<Dial><Application>{sid}</Application></Dial>").codes == [13221, 13223]


def test_more_than_4096_bytes_of_parameters_are_not_dialled() -> None:
    verb = f"<Dial><Application>{SID}<Parameter name='n' value='{'v' * 4096}'/></Application></Dial>"
    assert ran(verb).codes == [13221, 13223]
