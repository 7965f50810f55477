"""`<Dial>`: others are called and joined with the caller."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import NotedCall, Over, ran
from twiml.plans import Dialled, DialPlan
from twiml.targets import NumberTarget


def plan(verb: str) -> DialPlan:
    """What the Dial asks of the call."""
    found = ran(verb).call.dial_plan
    assert found is not None
    return found


def test_a_plain_number_with_the_defaults() -> None:
    assert plan("<Dial> +12125550123 </Dial>") == DialPlan(
        targets=(NumberTarget("+12125550123"),), timeout=30, time_limit=14400, caller_id=None, hangup_on_star=False,
        answer_on_bridge=False, record="do-not-record",
    )  # fmt: skip


def test_everything_can_be_chosen() -> None:
    found = plan("""<Dial timeout="10" timeLimit="60" callerId="+15555550100" hangupOnStar="true" answerOnBridge="true"
        record="record-from-ringing-dual" sequential="true" trim="trim-silence" recordingTrack="inbound"
        recordingStatusCallback="/r" recordingStatusCallbackMethod="GET" recordingStatusCallbackEvent="in-progress"
        >+12125550123</Dial>""")
    assert found == DialPlan(
        (NumberTarget("+12125550123"),), 10, 60, "+15555550100", True, True, "record-from-ringing-dual", True, True,
        "inbound", "/r", "GET", ("in-progress",),
    )  # fmt: skip


@pytest.mark.parametrize(("word", "means"), [("true", "record-from-answer"), ("false", "do-not-record")])
def test_record_true_and_false_are_short_forms(word: str, means: str) -> None:
    assert plan(f"<Dial record='{word}'>+1</Dial>").record == means


def test_the_first_ten_targets_are_called() -> None:
    done = ran(f"<Dial>{'<Number>+1</Number>' * 12}</Dial>")
    assert done.call.dial_plan is not None
    assert (len(done.call.dial_plan.targets), done.codes) == (10, [13210])


def test_without_action_the_next_verb_follows() -> None:
    assert ran("<Dial>+1</Dial><Say>Bye</Say>").call.did == ["dial", "play", "hangup"]


def test_behind_one_that_the_call_ended_in_nothing_follows() -> None:
    call = NotedCall(over_after="dial")
    with pytest.raises(Over):
        ran("<Dial>+1</Dial><Say>Bye</Say>", call)
    assert call.did == ["dial"]


def test_the_action_is_told_how_it_ended() -> None:
    done = ran(
        "<Dial action='/a' method='GET'>+1</Dial>", NotedCall(dialled=Dialled({"DialCallStatus": "busy"}, False))
    )
    assert (done.redirect.url, done.redirect.method) == ("/a", "GET")
    assert done.redirect.params == {"DialCallStatus": "busy"}


def test_after_a_transfer_the_refer_url_is_asked_instead_of_the_action() -> None:
    asked = {"ReferTransferTarget": "sip:carol@example.com"}
    call = NotedCall(dialled=Dialled({"DialCallStatus": "completed"}, False, asked))
    done = ran("<Dial action='/a' referUrl='/r' referMethod='GET'>+1</Dial>", call)
    assert (done.redirect.url, done.redirect.method, done.redirect.params) == ("/r", "GET", asked)
    assert done.call.dial_plan is not None
    assert (done.call.dial_plan.refer_url, done.call.dial_plan.refer_method) == ("/r", "GET")


def test_the_refer_method_is_post_where_nothing_else_is_said() -> None:
    assert plan("<Dial referUrl='/r'>+1</Dial>").refer_method == "POST"
    assert (plan("<Dial>+1</Dial>").refer_url, plan("<Dial referUrl=''>+1</Dial>").refer_url) == (None, None)


def test_an_empty_action_is_the_document_itself() -> None:
    assert ran("<Dial action=''>+1</Dial>").redirect.url is None


def test_nothing_to_dial_fails_with_a_warning() -> None:
    done = ran("<Dial action='/a'/>")
    assert done.codes == [13223]
    assert done.redirect.params["DialCallStatus"] == "failed"


@pytest.mark.parametrize("noun", ["WhatsApp", "Sim"])
def test_nouns_of_later_versions_are_named_and_not_dialled(noun: str) -> None:
    done = ran(f"<Dial><{noun}>x</{noun}><Number>+1</Number></Dial>")
    assert f"<{noun}>" in done.warnings[0].message
    assert done.call.dial_plan is not None
    assert done.call.dial_plan.targets == (NumberTarget("+1"),)


@pytest.mark.parametrize(
    "attribute",
    ["timeout='4'", "timeout='601'", "timeLimit='0'", "hangupOnStar='on'", "answerOnBridge='1'", "record='always'",
     "trim='x'", "referMethod='PUT'", "recordingTrack='left'", "method='PUT'", "sequential='x'"],
)  # fmt: skip
def test_a_wrong_value_is_the_default_with_a_warning(attribute: str) -> None:
    done = ran(f"<Dial {attribute}>+1</Dial>")
    assert done.call.dial_plan == plan("<Dial>+1</Dial>")
    assert done.codes == [13210]


@pytest.mark.parametrize("country", ["us-old", "UK", " de "])
def test_a_ring_tone_is_a_country(country: str) -> None:
    done = ran(f"<Dial ringTone='{country}'>+1</Dial>")
    assert done.call.dial_plan is not None
    assert (done.call.dial_plan.ring_tone, done.codes) == (country.strip().lower(), [])


@pytest.mark.parametrize("country", ["gb", "xx", "deutschland"])
def test_a_ring_tone_that_is_not_known_is_the_usual_one_with_a_warning(country: str) -> None:
    done = ran(f"<Dial ringTone='{country}'>+1</Dial>")
    assert done.call.dial_plan == plan("<Dial>+1</Dial>")
    assert done.codes == [13220]


@pytest.mark.parametrize("attribute", ["events", "passports", "recordingConfigurationId"])
def test_attributes_of_later_versions_are_named(attribute: str) -> None:
    done = ran(f"<Dial {attribute}='x'>+1</Dial>")
    assert (done.codes, attribute in done.warnings[0].message) == ([13210], True)


def test_wrong_send_digits_are_not_sent() -> None:
    done = ran("<Dial><Number sendDigits='1x'>+1</Number></Dial>")
    assert (plan("<Dial><Number sendDigits='1x'>+1</Number></Dial>").targets, done.codes) == (
        (NumberTarget("+1"),), [13221],
    )  # fmt: skip


def test_a_call_reason_has_50_characters() -> None:
    """`callReason` is what the called party is told of the call."""
    assert plan("<Dial callReason='your order'>+1</Dial>").reason == "your order"
    done = ran(f"<Dial callReason='{'x' * 51}'>+1</Dial>")
    assert (done.codes, done.call.dial_plan) == ([13210], plan("<Dial>+1</Dial>"))


def test_flags_may_be_in_capitals() -> None:
    assert plan("<Dial hangupOnStar='TRUE' answerOnBridge='True'>+1</Dial>").answer_on_bridge
