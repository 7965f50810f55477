"""`<Leave>`: out of the queue, in a document of `<Enqueue waitUrl>`."""

from __future__ import annotations

from tests.lib.callcontrol import ran


def test_it_takes_the_call_out_of_its_queue() -> None:
    assert ran("<Leave/>").call.did[0] == "leave"


def test_where_there_is_no_queue_the_next_verb_follows() -> None:
    assert ran("<Leave/><Say>Hello</Say>").call.did == ["leave", "play", "hangup"]


def test_it_has_no_attributes() -> None:
    assert ran("<Leave reason='tired'/>").codes == [12200]
