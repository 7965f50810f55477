"""`Recordings`: rows with Twilio's own library, audio as WAV and MP3, whole and in part."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import soundfile

from gateway.store.rows import Recording
from media.files import HEADER_SIZE, wav_header
from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

DAY = datetime(2024, 6, 1, tzinfo=UTC)
LEFT = (8000 * np.sin(np.arange(8000) / 8)).astype("<i2")
STEREO = np.stack([LEFT, np.zeros_like(LEFT)], axis=1)


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """Every answer was as Twilio describes it, and nothing stays for the next test."""
    yield
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()
    sids = [f"RE{number:032x}" for number in range(40)]
    api.do(api.store.old.forget(sids))


def insert(api: Rest, number: int, **fields: Any) -> str:
    """A recording of the first account, `number` hours after midnight of DAY; its file is LEFT or STEREO."""
    at = DAY + timedelta(hours=number)
    values: dict[str, Any] = {
        "sid": f"RE{number:032x}", "account_sid": api.made.account_sid, "call_sid": "CA" + "1" * 32,
        "status": "completed", "source": "RecordVerb", "channels": 1, "track": "both", "start_time": at,
        "date_created": at, "date_updated": at, "blob": f"{number}.wav", "duration": 1,
    }  # fmt: skip
    row = Recording(**(values | fields))
    body = (LEFT if row.channels == 1 else STEREO).tobytes()
    (api.folder / row.blob).write_bytes(wav_header(row.channels, len(body)) + body)
    api.do(api.store.recordings.insert(row))
    return row.sid


def get(api: Rest, sid: str, ending: str = "", **options: Any) -> Any:
    return api.ask("GET", f"/Recordings/{sid}{ending}", **options)


def test_recordings_are_listed_by_their_filters(api: Rest) -> None:
    client = api.client()
    other = "CA" + "2" * 32
    first, second, third = insert(api, 1), insert(api, 2, call_sid=other), insert(api, 30, status="in-progress")
    recordings = client.recordings

    def found(**filters: Any) -> list[str]:
        return [one.sid for one in recordings.list(**filters)]

    assert found() == [third, second, first]
    assert found(call_sid=other) == [second]
    assert found(date_created=DAY) == [second, first]
    assert found(date_created_after=DAY + timedelta(days=1)) == [third]
    assert found(date_created_before=DAY + timedelta(hours=1)) == [first]
    assert found(conference_sid="CF" + "1" * 32) == []
    fourth = insert(api, 31, conference_sid="CF" + "1" * 32)
    assert found(conference_sid="CF" + "1" * 32) == [fourth]
    assert client.recordings(fourth).fetch().conference_sid == "CF" + "1" * 32
    api.do(api.store.old.forget([fourth]))
    assert [one.sid for one in recordings.stream(page_size=1)] == [third, second, first]
    assert [one.sid for one in client.calls(other).recordings.list()] == [second]
    assert client.calls(other).recordings(second).fetch().call_sid == other
    assert refusal(client.calls(other).recordings(first).fetch) == (404, 20404)
    one = recordings(first).fetch()
    assert (one.duration, one.channels, one.status, one.source) == ("1", 1, "completed", "RecordVerb")
    assert one.media_url == f"https://gateway.example/2010-04-01/Accounts/{api.made.account_sid}/Recordings/{first}"


def test_a_recording_is_shown_at_the_path_that_it_was_asked_for_at(api: Rest) -> None:
    """With what can be had of it, which is below its own path."""
    client, root = api.client(), f"/2010-04-01/Accounts/{api.made.account_sid}"
    conference = "CF" + "1" * 32
    sid = insert(api, 1, conference_sid=conference)
    call = client.calls("CA" + "1" * 32)
    own = f"{root}/Recordings/{sid}"
    assert client.recordings(sid).fetch().uri == client.recordings.list()[0].uri == f"{own}.json"
    (of_call,), (of_conference,) = call.recordings.list(), client.conferences(conference).recordings.list()
    assert of_call.uri == call.recordings(sid).fetch().uri == f"{root}/Calls/{'CA' + '1' * 32}/Recordings/{sid}.json"
    assert of_conference.uri == f"{root}/Conferences/{conference}/Recordings/{sid}.json"
    assert client.recordings(sid).fetch().subresource_uris == {
        "add_on_results": f"{own}/AddOnResults.json", "transcriptions": f"{own}/Transcriptions.json",
    }  # fmt: skip


def test_a_recording_that_was_lost_is_absent_and_says_why(api: Rest) -> None:
    one = api.client().recordings(insert(api, 1, status="failed", error_code=12400)).fetch()
    assert (one.status, one.error_code) == ("absent", 12400)


def test_a_deleted_recording_is_shown_where_it_is_asked_for(api: Rest) -> None:
    recordings = api.client().recordings
    one, other = (recordings(insert(api, number)) for number in (1, 2))
    assert one.delete()
    assert not (api.folder / "1.wav").exists()
    assert refusal(one.fetch) == refusal(one.delete) == (404, 20404)
    assert get(api, f"RE{1:032x}", ".wav").status_code == 404
    assert one.fetch(include_soft_deleted=True).status == "deleted"
    assert [found.sid for found in recordings.list()] == [f"RE{2:032x}"]
    assert len(recordings.list(include_soft_deleted=True)) == 2
    assert api.client().calls("CA" + "1" * 32).recordings(f"RE{2:032x}").delete()
    assert refusal(other.fetch) == (404, 20404)


def test_a_recording_that_runs_is_not_deleted_and_has_no_audio_yet(api: Rest) -> None:
    sid = insert(api, 1, status="in-progress")
    assert refusal(api.client().recordings(sid).delete) == (400, 20009)
    assert get(api, sid, ".wav").status_code == 404


def test_another_accounts_recording_is_not_there(api: Rest) -> None:
    sid = insert(api, 1, account_sid=SECOND.account_sid)
    client = api.client()
    assert client.recordings.list() == client.calls("CA" + "1" * 32).recordings.list() == []
    assert refusal(client.recordings(sid).fetch) == refusal(client.recordings(sid).delete) == (404, 20404)
    for ending in ("", ".wav", ".mp3"):
        assert get(api, sid, ending).status_code == 404


@pytest.mark.parametrize("ending", ["", ".wav"])
def test_audio_is_the_file(api: Rest, ending: str) -> None:
    answer = get(api, insert(api, 1), ending)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/x-wav")
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content == (api.folder / "1.wav").read_bytes()
    (api.folder / "1.wav").unlink()
    assert get(api, f"RE{1:032x}", ending).status_code == 404


def test_audio_as_mp3(api: Rest) -> None:
    answer = get(api, insert(api, 1, channels=2), ".mp3")
    assert answer.headers["Content-Type"] == "audio/mpeg"
    pcm, rate = soundfile.read(io.BytesIO(answer.content))
    assert (rate, pcm.shape[1]) == (8000, 2)
    assert abs(len(pcm) - 8000) < 2500
    assert np.abs(pcm[:, 0]).max() > 0.15 > 0.02 > np.abs(pcm[:, 1]).max()


@pytest.mark.parametrize(("ending", "channels"), [(".wav", 1), (".wav", 2), (".mp3", 1), (".mp3", 2)])
def test_channels_as_requested(api: Rest, ending: str, channels: int) -> None:
    answer = get(api, insert(api, 1, channels=2), ending, params={"RequestedChannels": channels})
    pcm, _ = soundfile.read(io.BytesIO(answer.content), always_2d=True)
    assert pcm.shape[1] == channels
    if ending == ".wav" and channels == 1:
        np.testing.assert_allclose(pcm[:, 0], LEFT / 2 / 32768, atol=1 / 32768)


@pytest.mark.parametrize(("channels", "status"), [("1", 200), ("2", 400), ("3", 400), ("x", 400)])
def test_two_channels_are_not_made_of_one(api: Rest, channels: str, status: int) -> None:
    answer = get(api, insert(api, 1), ".wav", params={"RequestedChannels": channels})
    assert answer.status_code == status


@pytest.mark.parametrize("ending", [".wav", ".mp3"])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=44-", 44, None), ("bytes=-100", -100, None), ("bytes=5-99999999", 5, None)],
)
def test_a_part_of_the_audio(api: Rest, ending: str, asked: str, start: int, stop: int | None) -> None:
    """RFC 9110 §14."""
    sid = insert(api, 1)
    whole = get(api, sid, ending).content
    answer = get(api, sid, ending, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, whole[start:stop])
    first = start % len(whole)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=x", "bytes=-", "lines=1-2", "bytes=9-5", "bytes=0-"])
def test_what_is_no_part_is_answered_whole(api: Rest, asked: str) -> None:
    answer = get(api, insert(api, 1), ".wav", headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, HEADER_SIZE + 16000)


@pytest.mark.parametrize("asked", ["bytes=16044-", "bytes=99999-100000", "bytes=-0"])
def test_a_part_that_is_not_there_is_416(api: Rest, asked: str) -> None:
    answer = get(api, insert(api, 1), ".wav", headers={"Range": asked})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */16044")


def test_a_part_of_another_version_is_answered_whole(api: Rest) -> None:
    sid = insert(api, 1)
    etag = get(api, sid, ".wav").headers["ETag"]
    for tag, status in ((etag, 206), ('"other"', 200)):
        answer = get(api, sid, ".wav", headers={"Range": "bytes=0-1", "If-Range": tag})
        assert answer.status_code == status


def test_head_tells_the_length(api: Rest) -> None:
    answer = api.ask("HEAD", f"/Recordings/{insert(api, 1)}.wav")
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "16044", b"")


def call_of(api: Rest) -> str:
    """A call of the first account."""
    sid: str = api.client().calls.create(to="+15555550111", from_="+15555550100", twiml="<Response/>").sid
    return sid


def test_a_call_is_recorded_paused_resumed_and_stopped(api: Rest) -> None:
    """rest-api.md: call control."""
    recordings = api.client().calls(call_of(api)).recordings
    made = recordings.create(recording_channels="dual", recording_status_callback_event=["in-progress completed"])
    assert (made.status, made.channels, made.source) == ("in-progress", 2, "StartCallRecordingAPI")
    wanted = api.engine.asked[-1][2]
    assert (wanted.trim, wanted.track) == ("do-not-trim", "both")
    assert wanted.status_callback_events == ("in-progress", "completed")
    one = recordings(made.sid)
    assert one.update(status="paused").status == "paused"
    assert api.engine.asked[-1] == ("change", made.sid, "paused", False)
    assert one.update(status="in-progress").status == "in-progress"
    assert one.update(status="paused", pause_behavior="skip").status == "paused"
    assert api.engine.asked[-1] == ("change", made.sid, "paused", True)
    assert one.update(status="stopped").status == "stopped"
    api.do(api.store.recordings.update(made.sid, {"status": "completed"}))
    assert refusal(lambda: one.update(status="paused")) == (400, 21220)
    api.do(api.store.old.forget([made.sid]))


@pytest.mark.parametrize(
    "fields",
    [{"status": "deleted"}, {"status": ""}, {"status": "paused", "pause_behavior": "loud"}, {"status": "completed"}],
)
def test_a_change_that_makes_no_sense_is_refused(api: Rest, fields: dict[str, str]) -> None:
    call = call_of(api)
    sid = insert(api, 1, call_sid=call, status="in-progress")
    assert refusal(lambda: api.client().calls(call).recordings(sid).update(**fields)) == (400, 20001)


def test_another_call_s_recording_is_not_found(api: Rest) -> None:
    sid = insert(api, 1)
    recordings = api.client().calls(call_of(api)).recordings
    assert refusal(lambda: recordings(sid).update(status="paused")) == (404, 20404)
    assert refusal(lambda: recordings("Twilio.CURRENT").update(status="paused")) == (404, 20404)
    assert api.engine.asked[-1] == ("change", "Twilio.CURRENT", "paused", False)
    assert refusal(lambda: api.client().calls("CA" + "9" * 32).recordings.create()) == (404, 20404)


@pytest.mark.parametrize(
    "fields",
    [{"trim": "yes"}, {"recording_channels": "three"}, {"recording_track": "left"},
     {"recording_status_callback_event": ["paused"]}],
)  # fmt: skip
def test_a_recording_that_makes_no_sense_is_refused(api: Rest, fields: dict[str, Any]) -> None:
    recordings = api.client().calls(call_of(api)).recordings
    assert refusal(lambda: recordings.create(**fields)) == (400, 20001)


def test_the_hash_of_the_file_is_told(api: Rest) -> None:
    """RFC 9530."""
    body = wav_header(1, len(LEFT.tobytes())) + LEFT.tobytes()
    sid = insert(api, 1, sha256=hashlib.sha256(body).hexdigest())
    for headers in ({}, {"Range": "bytes=0-9"}):
        answer = get(api, sid, ".wav", headers=headers)
        digest = base64.b64decode(answer.headers["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":"))
        assert digest == hashlib.sha256(body).digest()
        assert answer.headers["ETag"] == f'"{digest.hex()}"'
    assert "Repr-Digest" not in get(api, sid, ".mp3").headers
    assert "Repr-Digest" not in get(api, insert(api, 2), ".wav").headers


def test_the_operator_sees_where_a_file_is_and_what_must_be_in_it(api: Rest) -> None:
    """Of any account, and of deleted recordings too."""
    digest = hashlib.sha256(wav_header(1, LEFT.nbytes) + LEFT.tobytes()).hexdigest()
    first = insert(api, 1, sha256=digest, size=HEADER_SIZE + LEFT.nbytes)
    second = insert(api, 2, account_sid=SECOND.account_sid, status="failed", error_code=12400)
    third = insert(api, 3, call_sid="CA" + "2" * 32, status="deleted")
    shown = api.operator("GET", f"/operator/v1/recordings/{first}").json()
    with open(shown["file"], "rb") as file:
        assert shown["sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
        assert shown["bytes"] == file.tell()
    assert (shown["call_sid"], shown["status"], shown["seconds"]) == ("CA" + "1" * 32, "completed", 1)
    assert shown["start_time"] == "2024-06-01T01:00:00+00:00"
    listed = api.operator("GET", f"/operator/v1/calls/{shown['call_sid']}/recordings").json()["recordings"]
    assert [one["sid"] for one in listed] == [first, second]
    assert (listed[1]["account_sid"], listed[1]["error_code"]) == (SECOND.account_sid, 12400)
    assert api.operator("GET", f"/operator/v1/recordings/{third}").json()["status"] == "deleted"
    assert api.operator("GET", "/operator/v1/recordings/RE0").status_code == 404
    assert api.operator("GET", "/operator/v1/calls/CA0/recordings").json() == {"recordings": []}
    assert api.ask("GET", f"/operator/v1/recordings/{first}").status_code == 401
