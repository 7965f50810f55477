"""`<Queue>` in a `<Dial>`: the caller at the front of a queue is taken."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import Ran, ran
from twiml.plans import EnqueuePlan
from twiml.targets import QueueTarget


def dialled(attributes: str = "", name: str = "support", dial: str = "", more: str = "") -> tuple[QueueTarget, Ran]:
    done = ran(f"<Dial {dial}><Queue {attributes}>{name}</Queue>{more}</Dial>")
    assert done.call.dial_plan is not None
    assert done.call.dial_plan.queue is not None
    return done.call.dial_plan.queue, done


def test_the_text_is_the_queues_name() -> None:
    target, done = dialled(name=" support ")
    assert (target, done.codes) == (QueueTarget("support"), [])


def test_its_name_is_that_of_the_enqueue() -> None:
    """White space inside counts."""
    assert dialled(name="\nsales  team ")[0] == QueueTarget("sales  team")
    (_, asked), *_ = ran("<Enqueue>\nsales  team </Enqueue>").call.asked
    assert isinstance(asked, EnqueuePlan)
    assert asked.queue == "sales  team"


def test_url_is_what_the_queued_caller_hears_first() -> None:
    target, done = dialled("url='/whisper' method='GET'")
    assert (target, done.codes) == (QueueTarget("support", "/whisper", "GET"), [])


def test_without_a_timeout_of_the_dial_it_waits_for_ever() -> None:
    assert dialled()[0].patience is None
    assert dialled(dial="timeout='45'")[0].patience == 45


@pytest.mark.parametrize(("name", "code"), [("", 14212), ("q" * 65, 14213)])
def test_a_name_has_1_to_64_characters(name: str, code: int) -> None:
    done = ran(f"<Dial action='/after'><Queue>{name}</Queue></Dial>")
    assert code in done.codes
    assert done.call.dial_plan is None
    assert done.redirect.params["DialCallStatus"] == "failed"


@pytest.mark.parametrize("attribute", ["reservationSid='WR1'", "postWorkActivitySid='WA1'"])
def test_reservations_are_known_by_name_and_have_no_effect(attribute: str) -> None:
    """14215."""
    assert dialled(attribute)[1].codes == [14215]


@pytest.mark.parametrize("beside", ["<Number>+15555550123</Number>", "<Queue>other</Queue>"])
def test_it_stands_alone(beside: str) -> None:
    """The Dial fails with 13000."""
    done = ran(f"<Dial action='/a'><Queue>support</Queue>{beside}</Dial>")
    assert done.codes == [13000, 13223]
    assert (done.call.did, done.redirect.params["DialCallStatus"]) == ([], "failed")


def test_either_may_transfer_the_other_where_there_is_a_refer_url() -> None:
    _, done = dialled(dial="referUrl='/refer'")
    assert done.call.dial_plan is not None
    assert (done.codes, done.call.dial_plan.refer_url) == ([], "/refer")


def test_attributes_that_it_has_not_are_warned_of() -> None:
    assert dialled("statusCallback='/told'")[1].codes == [12200]
