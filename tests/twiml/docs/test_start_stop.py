"""`<Start>` and `<Stop>`: what runs beside the document."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran
from twiml.plans import StartRecording


def started(verb: str) -> list[object]:
    """What the call is asked to start; nothing is warned of."""
    done = ran(verb)
    assert done.codes == []
    return [argument for name, argument in done.call.asked if name == "start_recording"]


def test_a_recording_goes_on_beside_the_document() -> None:
    """The next verb runs at once."""
    done = ran("<Start><Recording/></Start><Say>Hi</Say>")
    assert done.call.did == ["start_recording", "play", "hangup"]
    assert done.call.asked[0][1] == StartRecording("", "both", 2, True)


def test_everything_can_be_chosen() -> None:
    verb = """<Start><Recording name="mine" track="inbound" channels="mono" trim="do-not-trim"
        recordingStatusCallback="/r" recordingStatusCallbackMethod="GET"
        recordingStatusCallbackEvent="in-progress absent"/></Start>"""
    assert started(verb) == [StartRecording("mine", "inbound", 1, False, "/r", "GET", ("in-progress", "absent"))]


def test_stop_ends_what_has_the_name() -> None:
    done = ran("<Stop><Recording name='mine'/></Stop>")
    assert (done.codes, done.call.asked[0]) == ([], ("stop_recording", "mine"))


def test_stop_without_a_name_stops_nothing() -> None:
    done = ran("<Stop><Recording/></Stop>")
    assert (done.codes, done.call.did) == ([14300], ["hangup"])


@pytest.mark.parametrize("verb", ["Start", "Stop"])
@pytest.mark.parametrize("child", ["Stream", "Transcription"])
def test_children_of_later_versions_are_named_and_skipped(verb: str, child: str) -> None:
    done = ran(f"<{verb}><{child} name='x'/></{verb}>")
    assert (done.codes, done.call.did) == ([14300], ["hangup"])
    assert "not supported" in done.warnings[0].message


@pytest.mark.parametrize("inside", ["", "<Say>x</Say>"])
def test_what_cannot_be_started_is_skipped_with_14300(inside: str) -> None:
    assert ran(f"<Start>{inside}</Start>").codes == [14300]


@pytest.mark.parametrize(
    "attribute", ["track='left'", "channels='3'", "trim='x'", "recordingStatusCallbackMethod='PUT'"]
)
def test_a_wrong_value_is_the_default_with_a_warning(attribute: str) -> None:
    done = ran(f"<Start><Recording {attribute}/></Start>")
    assert (done.codes, done.call.asked[0][1]) == ([14300], StartRecording())
