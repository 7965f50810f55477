"""`<Hangup>`: the call ends."""

from __future__ import annotations

from tests.lib.callcontrol import ran


def test_the_call_ends_and_what_follows_is_never_run() -> None:
    done = ran("<Hangup/><Say>Never</Say>")
    assert (done.call.did, done.ended) == (["hangup"], True)


def test_the_end_of_a_document_hangs_up_as_well() -> None:
    assert ran("").call.did == ["hangup"]
    assert ran("<Say>Hi</Say>").call.did == ["play", "hangup"]


def test_parameters_are_named_as_not_supported() -> None:
    assert ran("<Hangup><Parameter name='a' value='b'/></Hangup>").codes == [12200]
