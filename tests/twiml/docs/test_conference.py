"""`<Conference>`: a room of its account, by name."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import Ran, ran
from twiml.targets import ConferenceTarget


def dialled(attributes: str = "", name: str = "Room 7") -> tuple[ConferenceTarget, Ran]:
    done = ran(f"<Dial><Conference {attributes}>{name}</Conference></Dial>")
    assert done.call.dial_plan is not None
    assert done.call.dial_plan.conference is not None
    return done.call.dial_plan.conference, done


def test_by_default_everybody_is_heard_starts_it_and_beeps() -> None:
    assert dialled()[0] == ConferenceTarget("Room 7", wait_method="GET")


def test_all_of_its_attributes() -> None:
    target, done = dialled(
        "muted='true' beep='onEnter' startConferenceOnEnter='false' endConferenceOnExit='true' "
        "participantLabel='agent' waitUrl='/wait' waitMethod='GET' maxParticipants='5' coach='CA1' "
        "record='record-from-start' trim='do-not-trim' statusCallback='/told' statusCallbackMethod='GET' "
        "statusCallbackEvent='start end' recordingStatusCallback='/recorded' recordingStatusCallbackMethod='GET' "
        "recordingStatusCallbackEvent='in-progress'"
    )
    assert done.codes == []
    assert target == ConferenceTarget(
        "Room 7", muted=True, beep="onEnter", start_on_enter=False, end_on_exit=True, label="agent",
        wait_url="/wait", wait_method="GET", most=5, coach="CA1", record=True, trim=False,
        status_callback="/told", status_callback_method="GET", status_callback_events=("start", "end"),
        recording_status_callback="/recorded", recording_status_callback_method="GET",
        recording_status_callback_events=("in-progress",),
    )  # fmt: skip


def test_an_empty_wait_url_is_silence_and_a_given_one_is_posted_to() -> None:
    assert dialled("waitUrl=''")[0].wait_url == ""
    assert dialled("waitUrl='/w'")[0].wait_method == "POST"


@pytest.mark.parametrize(
    "wrong",
    ["muted='yes'", "beep='loud'", "maxParticipants='0'", "maxParticipants='1001'", "record='sometimes'",
     "statusCallbackEvent='birth'", "jitterBufferSize='huge'"],
)  # fmt: skip
def test_a_wrong_value_is_the_default_with_a_warning(wrong: str) -> None:
    target, done = dialled(wrong)
    assert target == ConferenceTarget("Room 7", wait_method="GET")
    assert done.codes == [13230]


@pytest.mark.parametrize("name", ["region", "recordingConfigurationId"])
def test_what_has_no_effect_is_said(name: str) -> None:
    (warning,) = dialled(f"{name}='x'")[1].warnings
    assert name in warning.message


@pytest.mark.parametrize("wrong", ["endConferenceOnExit='maybe'", "trim='short'"])
def test_who_ends_it_and_what_is_kept_are_not_guessed(wrong: str) -> None:
    """The Dial fails."""
    done = ran(f"<Dial action='/a'><Conference {wrong}>a</Conference></Dial>")
    assert done.codes == [13230, 13230, 13223]
    assert done.redirect.params["DialCallStatus"] == "failed"


@pytest.mark.parametrize("beside", ["<Number>+15555550123</Number>", "<Conference>b</Conference>", "<Queue>q</Queue>"])
def test_it_stands_alone(beside: str) -> None:
    """The Dial fails with 13000."""
    done = ran(f"<Dial action='/a'>{beside}<Conference>a</Conference></Dial>")
    assert done.codes == [13000, 13223]
    assert (done.call.did, done.redirect.params["DialCallStatus"]) == ([], "failed")


def test_flags_may_be_in_capitals() -> None:
    assert dialled("muted='TRUE' beep='False' record='True'")[1].codes == []


def test_without_a_name_there_is_nothing_to_dial() -> None:
    done = ran("<Dial action='/a'><Conference> </Conference></Dial>")
    assert 13223 in done.codes
    assert done.redirect.params["DialCallStatus"] == "failed"


def test_nobody_can_be_transferred_in_it() -> None:
    """A `referUrl` is 13802."""
    assert ran("<Dial referUrl='/refer'><Conference>a</Conference></Dial>").codes == [13802]
