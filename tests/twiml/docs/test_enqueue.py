"""`<Enqueue>`: the caller waits in a queue until somebody takes it, or it leaves."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import NotedCall, Ran, ran
from twiml.outcome import End, Redirect
from twiml.plans import EnqueuePlan


def enqueued(attributes: str = "", name: str = "support", after: str = "") -> tuple[EnqueuePlan, Ran]:
    done = ran(f"<Enqueue {attributes}>{name}</Enqueue>{after}")
    (plan,) = [argument for what, argument in done.call.asked if what == "enqueue"]
    assert isinstance(plan, EnqueuePlan)
    return plan, done


def test_the_text_is_the_queues_name() -> None:
    plan, done = enqueued(name="\n  the long queue\n")
    assert plan == EnqueuePlan("the long queue")
    assert done.codes == []


def test_without_action_the_next_verb_follows() -> None:
    _, done = enqueued(after="<Say>Goodbye</Say>")
    assert done.call.did == ["enqueue", "play", "hangup"]
    assert done.outcome == End()


def test_action_is_told_how_the_caller_left_the_queue() -> None:
    """By `QueueResult`, `QueueSid` and `QueueTime`."""
    call = NotedCall(enqueued={"QueueResult": "leave", "QueueSid": "QU1", "QueueTime": "7"})
    done = ran("<Enqueue action='/left' method='GET'>support</Enqueue><Say>never</Say>", call)
    assert done.outcome == Redirect("/left", "GET", {"QueueResult": "leave", "QueueSid": "QU1", "QueueTime": "7"})


def test_an_empty_action_is_the_current_document() -> None:
    assert enqueued("action=''")[1].redirect.url is None


def test_without_wait_url_there_is_our_music_and_an_empty_one_is_silence() -> None:
    assert enqueued()[0].wait_url is None
    assert enqueued("waitUrl=''")[0].wait_url == ""


def test_the_wait_url_is_posted_to_unless_wait_url_method_says_get() -> None:
    assert enqueued("waitUrl='/wait'")[0].wait_method == "POST"
    assert enqueued("waitUrl='/wait' waitUrlMethod='get'")[0].wait_method == "GET"
    plan, done = enqueued("waitUrl='/wait' waitUrlMethod='PUT'")
    assert (plan.wait_method, done.codes) == ("POST", [14206])


def test_max_queue_size_is_the_size_of_a_queue_that_is_new() -> None:
    """1000 without it, 5000 at most."""
    assert enqueued()[0].most == 1000
    assert enqueued("maxQueueSize='5000'")[0].most == 5000
    plan, done = enqueued("maxQueueSize='5001'")
    assert (plan.most, done.codes) == (1000, [14201])


@pytest.mark.parametrize(("name", "code"), [("", 14204), ("  ", 14204), ("q" * 65, 14205)])
def test_a_name_has_1_to_64_characters(name: str, code: int) -> None:
    done = ran(f"<Enqueue action='/left'>{name}</Enqueue>")
    assert done.codes == [code]
    assert done.redirect.params == {"QueueResult": "error"}
    assert "enqueue" not in done.call.did


@pytest.mark.parametrize(
    "verb", ["<Enqueue workflowSid='WW1' action='/left'/>", "<Enqueue action='/left'><Task>{}</Task></Enqueue>"]
)
def test_a_workflow_is_known_by_name_and_an_error(verb: str) -> None:
    """`QueueResult` is `error`, with 14220."""
    done = ran(verb)
    assert done.codes == [14220]
    assert done.redirect.params == {"QueueResult": "error"}


def test_what_it_may_not_hold_and_what_it_has_not_is_warned_of() -> None:
    done = enqueued("speed='fast'", "support<Say>hello</Say>")[1]
    assert done.codes == [12200, 12200]
