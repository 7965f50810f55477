"""`<Siprec>` in `<Start>` and `<Stop>`: a call's audio goes to a recording server."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran
from twiml.plans import StartSiprec


def started(siprec: str) -> StartSiprec:
    """What the call is asked to start; nothing is warned of."""
    done = ran(f"<Start>{siprec}</Start>")
    assert done.codes == []
    (plan,) = [argument for name, argument in done.call.asked if name == "start_siprec"]
    assert isinstance(plan, StartSiprec)
    return plan


def test_it_starts_beside_the_document() -> None:
    """The next instruction runs at once."""
    done = ran('<Start><Siprec connectorName="c"/></Start><Say>Hi</Say>')
    assert done.call.did == ["start_siprec", "play", "hangup"]


def test_both_tracks_are_sent_unless_one_is_chosen() -> None:
    assert started('<Siprec connectorName="c"/>') == StartSiprec("c", "", "both_tracks", None, "POST")
    assert started('<Siprec connectorName="c" track="outbound_track"/>').track == "outbound_track"


def test_everything_can_be_chosen() -> None:
    siprec = """<Siprec name="mine" connectorName="c" track="inbound_track" statusCallback="/s"
        statusCallbackMethod="GET"><Parameter name="Agent" value="Bob"/><Parameter name="Team" value=""/></Siprec>"""
    parameters = (("Agent", "Bob"), ("Team", ""))
    assert started(siprec) == StartSiprec("c", "mine", "inbound_track", "/s", "GET", parameters)


def test_a_recording_and_a_session_can_start_together() -> None:
    done = ran('<Start><Recording/><Siprec connectorName="c"/></Start>')
    assert done.call.did == ["start_recording", "start_siprec", "hangup"]


def test_stop_ends_what_has_the_name() -> None:
    done = ran("<Stop><Siprec name='mine'/></Stop>")
    assert (done.codes, done.call.asked[0]) == ([], ("stop_siprec", "mine"))


def test_stop_without_a_name_stops_nothing() -> None:
    done = ran("<Stop><Siprec/></Stop>")
    assert (done.codes, done.call.did) == ([14300], ["hangup"])


def test_without_a_connector_nothing_starts() -> None:
    """31940."""
    done = ran("<Start><Siprec name='mine'/></Start>")
    assert (done.codes, done.call.did) == ([31940], ["hangup"])


@pytest.mark.parametrize(("attribute", "code"), [("track='left'", 31941), ("statusCallbackMethod='PUT'", 14300)])
def test_a_wrong_value_is_the_default_with_a_warning(attribute: str, code: int) -> None:
    done = ran(f"<Start><Siprec connectorName='c' {attribute}/></Start>")
    assert (done.codes, done.call.asked[0][1]) == ([code], StartSiprec("c"))


def test_a_parameter_has_a_name_and_less_than_500_characters() -> None:
    long = f'<Parameter name="a" value="{"x" * 499}"/>'
    done = ran(f'<Start><Siprec connectorName="c"><Parameter value="1"/>{long}</Siprec></Start>')
    assert (done.codes, done.call.asked[0][1]) == ([12200, 14300], StartSiprec("c"))


def test_what_does_not_belong_inside_is_warned_of() -> None:
    done = ran('<Start><Siprec connectorName="c" color="red">x<Say>Hi</Say></Siprec></Start>')
    assert set(done.codes) == {12200}
    assert len(done.codes) == 3
    assert done.call.did == ["start_siprec", "hangup"]
