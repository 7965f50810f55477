"""`<Record>`: a message from the caller."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import NotedCall, ran
from twiml.plans import Recorded, RecordPlan

DEFAULTS = RecordPlan(
    timeout=5, finish_on_key="1234567890*#", max_length=3600, beep=True, trim=True, status_callback=None,
    status_callback_method="POST", status_callback_events=("completed",),
)  # fmt: skip


def test_the_defaults() -> None:
    assert ran("<Record/>").call.plan == DEFAULTS


def test_everything_can_be_chosen() -> None:
    done = ran("""<Record timeout="0" finishOnKey="" maxLength="30" playBeep="false" trim="do-not-trim"
        recordingStatusCallback="/r" recordingStatusCallbackMethod="GET"
        recordingStatusCallbackEvent="in-progress completed absent"/>""")
    assert done.call.plan == RecordPlan(0, "", 30, False, False, "/r", "GET", ("in-progress", "completed", "absent"))
    assert done.codes == []


def test_the_recording_goes_to_the_action() -> None:
    done = ran("<Record action='/done' method='GET'/><Say>Never</Say>")
    assert (done.redirect.url, done.redirect.method) == ("/done", "GET")
    assert done.redirect.params == {
        "RecordingUrl": "http://g/RE1", "RecordingSid": "RE1", "RecordingDuration": "7", "Digits": "#",
    }  # fmt: skip


def test_without_action_it_goes_to_the_document_itself() -> None:
    assert ran("<Record/>").redirect.url is None


def test_a_hang_up_is_told_to_the_action_too() -> None:
    done = ran("<Record action='/done'/>", NotedCall(recorded=Recorded("RE1", "u", 3, "hangup", True)))
    assert done.redirect.params["Digits"] == "hangup"


def test_a_recording_that_failed_falls_through() -> None:
    assert ran("<Record/><Say>Sorry</Say>", NotedCall(recorded=None)).call.did == ["record", "play", "hangup"]


@pytest.mark.parametrize(
    "attribute",
    ["timeout='x'", "finishOnKey='12a'", "maxLength='1'", "maxLength='14401'", "playBeep='yes'", "trim='a lot'",
     "method='PUT'", "recordingStatusCallbackEvent='begun'"],
)  # fmt: skip
def test_a_wrong_value_is_the_default_with_a_warning(attribute: str) -> None:
    done = ran(f"<Record {attribute}/>")
    assert (done.call.plan, done.codes) == (DEFAULTS, [13610])


def test_transcription_is_refused_by_name() -> None:
    done = ran("<Record transcribe='true' transcribeCallback='/t'/>")
    assert done.codes == [13618, 13618]
    assert ran("<Record transcribe='false'/>").codes == []
