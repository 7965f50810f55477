"""The adaptor: formats, paths, methods, bodies, and what the operator asks."""

from __future__ import annotations

import csv
import gzip
import io
from urllib.parse import quote, urlencode

import pytest
import requests
from lxml import etree

from sip.outputs import Flow
from tests.lib.rest import Rest

CALL = {"To": "+12125550123", "From": "+15555550100", "Twiml": "<Response/>", "Timeout": "30"}


def xml(answer: requests.Response) -> etree._Element:
    assert answer.headers["Content-Type"] == "application/xml"
    root = etree.fromstring(answer.content)
    assert root.tag == "TwilioResponse"
    return root[0]


def test_one_object_as_xml(api: Rest) -> None:
    call = xml(api.ask("POST", "/Calls.xml", data=CALL))
    assert (call.tag, call.findtext("To"), call.findtext("Status")) == ("Call", "+12125550123", "queued")
    assert call.find("Duration") is not None
    assert call.findtext("Duration") == ""
    assert str(call.findtext("Uri")).endswith(f"/Calls/{call.findtext('Sid')}.xml")
    assert str(call.findtext("SubresourceUris/Notifications")).endswith("/Notifications.xml")
    again = xml(api.ask("GET", f"/Calls/{call.findtext('Sid')}"))
    assert again.findtext("Sid") == call.findtext("Sid")


def test_a_list_as_xml(api: Rest) -> None:
    for _ in range(3):
        api.ask("POST", "/Calls.json", data=CALL)
    calls = xml(api.ask("GET", "/Calls.xml", params={"PageSize": 2}))
    assert (calls.tag, [call.tag for call in calls]) == ("Calls", ["Call", "Call"])
    assert (calls.get("page"), calls.get("pagesize"), calls.get("previouspageuri")) == ("0", "2", "")
    following = xml(
        requests.get(f"{api.url}{calls.get('nextpageuri')}", auth=(api.made.account_sid, api.made.auth_token))
    )
    assert len(following) >= 1
    assert following[0].findtext("Sid") not in [call.findtext("Sid") for call in calls]


@pytest.mark.parametrize(
    ("path", "element"),
    [
        (".xml", "Account"), ("/AvailablePhoneNumbers.xml", "Countries/Country"),
        ("/AvailablePhoneNumbers/US.xml", "Country"), ("/Notifications.xml", "Notifications"),
        ("/IncomingPhoneNumbers", "IncomingPhoneNumbers"), ("/Recordings", "Recordings"),
    ],
)  # fmt: skip
def test_every_resource_has_its_name_in_xml(api: Rest, path: str, element: str) -> None:
    root = xml(api.ask("GET", path)).getparent()
    assert root is not None
    assert root.find(element) is not None


def test_flags_and_odd_texts_in_xml(api: Rest) -> None:
    api.do(api.store.numbers.stock(["+15555550100"]))
    data = {
        "PhoneNumber": "+15555550100",
        "FriendlyName": "<&>\x0b\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    }
    number = xml(api.ask("POST", "/IncomingPhoneNumbers.xml", data=data))
    assert number.findtext("FriendlyName") == "<&>\ufffd😀"
    assert (number.findtext("Capabilities/Voice"), number.findtext("Beta")) == ("true", "false")
    assert api.ask("DELETE", f"/IncomingPhoneNumbers/{number.findtext('Sid')}.xml").status_code == 204


def test_errors_as_xml(api: Rest) -> None:
    error = xml(api.ask("GET", "/Calls/CA1.xml"))
    assert error.tag == "RestException"
    assert [(one.tag, one.text) for one in error if one.tag in ("Code", "Status")] == [
        ("Code", "20404"),
        ("Status", "404"),
    ]
    refused = api.ask("GET", "/Calls.xml", auth=("AC1", "x"))
    assert (refused.status_code, xml(refused).findtext("Code")) == (401, "20003")


def test_a_list_as_csv(api: Rest) -> None:
    api.ask("POST", "/Calls.json", data=CALL)
    answer = api.ask("GET", "/Calls.csv", params={"PageSize": 1})
    assert answer.headers["Content-Type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["To"], row["Status"], row["Duration"]) == ("+12125550123", "queued", "")
    assert row["Uri"].endswith(".csv")
    assert api.ask("GET", "/Notifications.csv").text == "\r\n"


def test_the_core_has_two_prefixes(api: Rest) -> None:
    answer = api.ask("GET", f"/api/2010-04-01/Accounts/{api.made.account_sid}/Calls.json", params={"PageSize": 1})
    assert answer.json()["first_page_uri"].startswith("/2010-04-01/")
    assert api.ask("GET", "/Calls.json/").status_code == 404
    path = f"/2010-04-01/Accounts/{api.made.account_sid}/Nothing.json"
    assert api.ask("GET", path).json()["message"] == f"The requested resource {path} was not found"


def test_unknown_paths_and_methods(api: Rest) -> None:
    for path in ("/", "/nowhere", "/video/v1/Rooms"):
        answer = requests.get(api.url + path)
        assert (answer.status_code, answer.json()["code"]) == (404, 20404)
    assert api.ask("GET", "/Nothing.json").json()["code"] == 20404
    answer = api.ask("PUT", "/Calls.json")
    assert (answer.status_code, answer.json()["code"]) == (405, 20004)
    assert answer.headers["Allow"] == "GET, POST"


def test_a_defect_of_ours_is_500_and_says_nothing(api: Rest) -> None:
    answer = api.ask("GET", "/Broken.json")
    assert (answer.status_code, answer.json()["code"]) == (500, 20500)
    assert "defect" not in answer.text


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"To=%2B1&From=%2B1&Twiml=%ff", "application/x-www-form-urlencoded; charset=nonsense", 400),
        (b"To=\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"{", "application/json", 400),
        (b"x" * (1 << 21), "application/x-www-form-urlencoded", 413),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 400),
        (b"--x\r\nbroken", "multipart/form-data", 400),
        (b"a-" + b"z9" * 250_000, "application/x-www-form-urlencoded; charset=punycode", 400),
        (b"To=\\ud800", "application/x-www-form-urlencoded; charset=unicode_escape", 400),
        (b"&".join([b"a=1"] * 1001), "application/x-www-form-urlencoded", 400),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", "multipart/form-data; boundary=x", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'"\\ud83d"', "application/json", 400),
        (b'{"a": "\\u0000"}', "application/json", 400),
        (b"1" * 5000, "application/json", 400),
    ],
)
def test_bodies_that_are_no_forms(api: Rest, body: bytes, content_type: str, status: int) -> None:
    answer = api.ask("POST", "/Calls.json", data=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (gzip.compress(b"To=%2B1"), 400, 21213),
        (b"no gzip", 400, 20001),
        (gzip.compress(b"x" * (1 << 24)), 413, 20413),
    ],
)
def test_compressed_bodies(api: Rest, body: bytes, status: int, code: int) -> None:
    """The first is read, and names no From; the last is a bomb."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    answer = api.ask("POST", "/Calls.json", data=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "charset", ["", "; charset=", ";", '; charset="utf-8"', "; charset=UTF-8", "; charset=utf8", "; charset=US-ASCII"]
)
def test_both_kinds_of_forms_are_read(api: Rest, charset: str) -> None:
    encoded = {"Content-Type": f"application/x-www-form-urlencoded{charset}"}
    assert api.ask("POST", "/Calls.json", data=urlencode(CALL), headers=encoded).json()["to"] == CALL["To"]
    parts = {name: (None, value) for name, value in CALL.items()}
    assert api.ask("POST", "/Calls.json", files=parts).json()["to"] == CALL["To"]


def test_a_form_in_latin_1_is_read_as_it_says(api: Rest) -> None:
    latin = {"Content-Type": "application/x-www-form-urlencoded; charset=ISO-8859-1"}
    made = api.ask("POST", "/Applications.json", data=b"FriendlyName=Z%FCrich", headers=latin).json()
    assert made["friendly_name"] == "Zürich"


def test_a_name_in_a_path_is_what_it_was_before_it_was_escaped(api: Rest) -> None:
    for name in ("a/b", "100%41", "+1", "é", "a b.json"):
        path = f"/operator/v1/trunks/{quote(name, safe='')}"
        answer = api.operator("GET", path)
        assert (answer.status_code, answer.json()["message"]) == (404, f"The requested resource {path} was not found")
    assert api.operator("GET", "/operator/v1/routes/%2B1").status_code == 404
    assert api.ask("GET", "/%43alls.json").status_code == 200


def test_nul_is_in_no_text_that_comes_to_the_database(api: Rest) -> None:
    assert api.ask("GET", "/Calls/CA%00.json").status_code == 400
    assert api.ask("GET", "/Calls.json", params={"To": "\0"}).status_code == 400
    assert api.ask("GET", "/Calls.json", auth=("AC\0", "x")).status_code == 401


def test_the_operator_needs_the_key(api: Rest) -> None:
    for header in ("", "Bearer", "Bearer wrong", f"Basic {api.made.operator_key}"):
        answer = requests.get(f"{api.url}/operator/v1/trunks", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert api.operator("GET", "/operator/v1/trunks").status_code == 200
    assert requests.get(f"{api.url}/health").json() == {"status": "ok"}
    metrics = requests.get(f"{api.url}/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=")
    assert metrics.text == "trunkline_calls 0\n"


def test_trunks_and_routes(api: Rest) -> None:
    trunk = {"name": "acme", "uris": ["sip:sbc.acme.example:5060"], "username": "u", "password": "p"}
    trunk |= {"inbound_username": "i", "inbound_password": "s"}
    made = api.operator("POST", "/operator/v1/trunks", json=trunk)
    assert (made.status_code, made.json()["name"]) == (201, "acme")
    assert not {"password", "inbound_password"} & set(made.json())
    assert api.operator("POST", "/operator/v1/trunks", json=trunk).status_code == 200
    assert api.operator("POST", "/operator/v1/routes", json={"prefix": "+1", "trunks": ["acme"]}).status_code == 201
    assert api.operator("GET", "/operator/v1/routes/%2B1").json() == {"prefix": "+1", "trunks": ["acme"], "price": None}
    assert api.operator("GET", "/operator/v1/trunks/acme").json()["status"] == {"name": "acme"}
    assert {"name": "acme"} in [one["status"] for one in api.operator("GET", "/operator/v1/trunks").json()["trunks"]]
    shown = api.operator("GET", "/operator/v1/trunks/acme").json()
    assert api.operator("PUT", "/operator/v1/trunks/acme", json=shown).status_code == 200
    kept = api.do(api.store.operator.all("trunk"))["acme"]
    assert (kept["password"], kept["inbound_password"]) == ("p", "s"), "what GET does not show is not lost by PUT"
    assert api.operator("PUT", "/operator/v1/trunks/acme", json=shown | {"username": "v"}).status_code == 200
    assert api.do(api.store.operator.all("trunk"))["acme"]["password"] is None, "another user, another password"
    assert api.operator("PUT", "/operator/v1/trunks/acme", json=shown | {"inbound_password": None}).status_code == 400
    assert api.operator("DELETE", "/operator/v1/trunks/acme").status_code == 409
    assert api.operator("PUT", "/operator/v1/trunks/acme", json={"uris": []}).json()["uris"] == []
    assert [one["prefix"] for one in api.operator("GET", "/operator/v1/routes").json()["routes"]] == ["+1"]
    assert api.operator("DELETE", "/operator/v1/routes/%2B1").status_code == 204
    assert api.operator("DELETE", "/operator/v1/trunks/acme").status_code == 204
    assert api.operator("GET", "/operator/v1/trunks/acme").status_code == 404


def test_what_the_file_declares_is_changed_there(api: Rest) -> None:
    for method in ("PUT", "DELETE"):
        answer = api.operator(method, "/operator/v1/trunks/fixed", json={})
        assert answer.status_code == 409
        assert "trunkline.toml, line 3" in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("trunks", []), ("trunks", {"name": "a b"}), ("trunks", {"name": "a", "uris": ["tel:1"]}),
        ("trunks", {"name": "a", "addresses": ["10.0.0.300"]}), ("trunks", {"name": "a", "colour": "red"}),
        ("routes", {"prefix": "x", "trunks": ["fixed"]}), ("routes", {"prefix": "+1", "trunks": ["unknown"]}),
        ("routes", {"prefix": "+1", "trunks": []}), ("numbers", {}), ("numbers", {"phone_numbers": ["911"]}),
        ("numbers", {"phone_numbers": ["5555550100"]}), ("numbers", {"phone_numbers": "+15555550100"}),
    ],
)  # fmt: skip
def test_what_the_operator_cannot_mean(api: Rest, path: str, body: object) -> None:
    answer = api.operator("POST", f"/operator/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 20001)


def test_numbers_are_stocked_and_taken_out(api: Rest) -> None:
    many = [f"+1800{number:07d}" for number in range(1200)]
    assert api.operator("POST", "/operator/v1/numbers", json={"phone_numbers": [*many, many[0]]}).status_code == 201
    assert len(api.operator("GET", "/operator/v1/numbers").json()["numbers"]) >= 1200
    assert api.operator("DELETE", f"/operator/v1/numbers/{many[0]}").status_code == 204
    assert api.operator("DELETE", f"/operator/v1/numbers/{many[0]}").status_code == 409


def test_refusals_are_listed_forgiven_and_allowed(api: Rest) -> None:
    admission = api.admission
    assert api.operator("POST", "/operator/v1/trunks", json={"name": "acme"}).status_code == 201
    for _ in range(20):
        admission.refused(
            Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 5060)),
            "INVITE",
            403,
            "no trunk lets 198.51.100.7 call in",
        )
    (line,) = api.operator("GET", "/operator/v1/refusals").json()["refusals"]
    assert (line["source"], line["method"], line["status"], line["count"]) == ("198.51.100.7", "INVITE", 403, 20)
    assert line["reason"] == "no trunk lets 198.51.100.7 call in"
    assert api.operator("GET", "/operator/v1/refusals/192.0.2.1").json() == {"refusals": []}
    assert admission.shut_out() == 1
    assert api.operator("DELETE", "/operator/v1/refusals/198.51.100.7").status_code == 204
    assert (admission.shut_out(), api.operator("GET", "/operator/v1/refusals").json()) == (0, {"refusals": []})
    allow = "/operator/v1/refusals/198.51.100.7/allow"
    assert api.operator("POST", allow, json={"trunk": "nobody"}).status_code == 400
    assert api.operator("POST", allow, json={"trunk": "fixed"}).status_code == 409
    assert api.operator("POST", allow, json={"trunk": "acme"}).status_code == 204
    assert api.operator("GET", "/operator/v1/trunks/acme").json()["addresses"] == ["198.51.100.7"]
    assert api.operator("GET", "/operator/v1/refusals/nowhere").status_code == 400


def test_ceilings_of_accounts(api: Rest) -> None:
    path = f"/operator/v1/accounts/{api.made.account_sid}/ceilings"
    free = api.operator("GET", path).json()
    assert (free["ceilings"]["daily_spend"], free["spent_today"]) == (None, "0.00000")
    assert api.operator("PUT", "/operator/v1/accounts/default/ceilings", json={"cps": 5}).status_code == 200
    assert api.operator("GET", path).json()["ceilings"]["cps"] == 5
    own = api.operator("PUT", path, json={"daily_spend": "25.00", "countries": ["US"]}).json()["ceilings"]
    assert (own["daily_spend"], own["countries"], own["cps"]) == ("25.00", ["US"], None)
    for wrong in ({"daily_spend": "a lot"}, {"countries": ["usa"]}, {"high_risk_prefixes": ["252"]}, {"colour": 1}):
        assert api.operator("PUT", path, json=wrong).status_code == 400
    accounts = api.operator("GET", "/operator/v1/accounts").json()["accounts"]
    assert [one["ceilings"]["cps"] for one in accounts] == [None, 5]
    assert api.operator("DELETE", path).status_code == 204
    assert api.operator("DELETE", path).status_code == 404
    assert api.operator("GET", "/operator/v1/accounts/AC0/ceilings").status_code == 404
