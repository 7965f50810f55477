"""Settings: file, environment, flags; and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import sections
from gateway.config import ConfigError, Settings, load
from gateway.sections import host_port


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file and no environment but the test's own."""
    import os

    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TRUNKLINE_")]:
        monkeypatch.delenv(name)


def write(text: str) -> Path:
    path = Path("trunkline.toml")
    path.write_text(text)
    return path


def test_defaults_are_loopback_and_need_no_file() -> None:
    settings = load(None)
    assert (settings.http.listen, settings.sip.listen) == ("127.0.0.1:8080", "127.0.0.1:5060")
    assert settings.media.rtp_range == ("127.0.0.1", 20000, 29999)
    assert settings.public_url == "http://127.0.0.1:8080"
    assert (settings.store.keep_days, settings.limits.cps, settings.limits.concurrency) == (400, None, None)
    assert settings.loopback_only
    assert settings.database_url.endswith("/var/trunkline.db")


def test_flags_win_over_the_environment_which_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        'data = "file"\n[http]\nlisten = "127.0.0.1:1"\npublic_url = "https://a.example/"\n'
        '[sip]\nlisten = "127.0.0.1:2"'
    )
    monkeypatch.setenv("TRUNKLINE_HTTP__LISTEN", "127.0.0.1:3")
    monkeypatch.setenv("TRUNKLINE_SIP__LISTEN", "127.0.0.1:4")
    monkeypatch.setenv("TRUNKLINE_LIMITS__CPS", "2.5")
    settings = load(None, {"sip.listen": "127.0.0.1:5", "data": Path("flag")})
    assert (settings.http.listen, settings.sip.listen, settings.data) == ("127.0.0.1:3", "127.0.0.1:5", Path("flag"))
    assert (settings.public_url, settings.limits.cps) == ("https://a.example", 2.5)


def test_trunks_and_routes_know_their_lines() -> None:
    path = write(
        "[http]\n\n[[trunks]]\nname = \"acme\"\n\n[[trunks]]\nname = 'b'\n"
        '[[routes]]\ntrunks = ["acme"]\nprefix = "+1"\n'
    )
    settings = load(path)
    assert settings.declared_at == {"trunks/acme": 3, "trunks/b": 6, "routes/+1": 8}
    assert settings.routes == ({"trunks": ["acme"], "prefix": "+1"},)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[http]\nlisen = "x"', "http.lisen is not a setting; did you mean http.listen?"),
        ('[htp]\nlisten = "x"', "htp is not a setting; did you mean http.listen?"),
        ('[sip]\nlisen = "x"', "sip.lisen is not a setting; did you mean sip.listen?"),
        ("zzzz = 1", "zzzz is not a setting"),
        ("declared_at = {}", "declared_at is not a setting"),
        ('[http]\nlisten = "8080"', "http.listen: '8080' is not HOST:PORT"),
        ('[http]\noperator = "a:70000"', "http.operator: 'a:70000' is not HOST:PORT"),
        ('[http]\ntls_cert = "a"', "http: tls_cert and tls_key belong together: set both or neither"),
        ('[http]\ntls_key = "a"', "http: tls_cert and tls_key belong together: set both or neither"),
        ('[media]\nrtp = "127.0.0.1:9-8"', "media.rtp: '127.0.0.1:9-8' is not HOST:FROM-TO"),
        ("[media]\nworkers = 0", "media.workers: Input should be greater than or equal to 1"),
        ("[store]\nkeep_days = 0", "store.keep_days: Input should be greater than or equal to 1"),
        ("[limits]\ncps = 0", "limits.cps: Input should be greater than 0"),
        ("[limits]\nconcurrency = 1.5", "limits.concurrency: "),
        ('[webhooks]\nallow = ["10.0.0.1/8"]', "webhooks.allow: 10.0.0.1/8 has host bits set"),
        ('[webhooks.edges]\nmoon = "192.0.2.7"', "webhooks.edges: moon is no edge of Twilio's"),
        ('[webhooks.edges]\ndublin = "near"', "webhooks.edges: 'near' does not appear to be an IPv4"),
        ('[webhooks]\nfallback_twiml = "<Say/>"', "webhooks.fallback_twiml: line 1: the root is <Say>"),
        ('[store]\ndurability = "none"', "store.durability: Input should be 'process' or 'power'"),
        ("[http", "Expected ']'"),
        ("[phones]\nleast_seconds = 600\nmost_seconds = 300", "phones: least_seconds is more than most_seconds"),
    ],
)
def test_a_setting_that_cannot_be_is_named(text: str, sentence: str) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert str(raised.value).startswith(f"trunkline.toml: {sentence}")


def test_who_says_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[http]\nlisten = "127.0.0.1:1"')
    monkeypatch.setenv("TRUNKLINE_HTTP__LISTEN", "8080")
    with pytest.raises(ConfigError, match=r"^environment TRUNKLINE_HTTP__LISTEN: http.listen: '8080' is not HOST:PORT"):
        load(None)


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_WEBHOOKS__ALLOW", '["10.0.0.0/8"]')
    assert load(None).webhooks.allow == ("10.0.0.0/8",)
    monkeypatch.setenv("TRUNKLINE_WEBHOOKS__ALLOW", "10.0.0.0/8")
    with pytest.raises(ConfigError, match=r"^environment TRUNKLINE_WEBHOOKS__ALLOW: '10.0.0.0/8' is not JSON"):
        load(None)


def test_a_file_that_is_no_text() -> None:
    Path("trunkline.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"^trunkline\.toml: 'utf-8' codec can't decode"):
        load(None)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: .*No such file"):
        load(Path("none.toml"))


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_SECRET_KEY", "known")
    monkeypatch.setenv("TRUNKLINE_HTTP__LISEN", "x")
    with pytest.raises(
        ConfigError, match="TRUNKLINE_HTTP__LISEN is not a setting; did you mean TRUNKLINE_HTTP__LISTEN"
    ):
        load(None)


@pytest.mark.parametrize(("flag", "value"), [("http.listen", "x"), ("media.rtp", "a:1-2")])
def test_a_flag_that_cannot_be_is_named(flag: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{flag}: '{value}' is not HOST:"):
        load(None, {flag: value})


@pytest.mark.parametrize(
    ("values", "loopback"),
    [
        ({"sip": {"listen": "127.1.2.3:5060"}}, True),
        ({"sip": {"listen": "[::1]:5060"}}, True),
        ({"sip": {"listen": "localhost:5060"}}, True),
        ({"sip": {"listen": "0.0.0.0:5060"}}, False),
        ({"sip": {"listen": "127.evil.example:5060"}}, False),
        ({"http": {"public_url": "https://a.example"}}, False),
        ({"sip": {"public_address": "192.0.2.1"}}, False),
        ({"media": {"public_address": "192.0.2.1"}}, False),
    ],
)
def test_what_loopback_only_means(values: dict[str, Any], loopback: bool) -> None:
    assert Settings(**values).loopback_only is loopback


def test_certificates_by_name() -> None:
    """Names are compared in lower case; a certificate has a key."""
    section = '[sip.tls_names."Phones.Example"]\ncert = "c.pem"\n'
    settings = load(write(section + 'key = "c.key"\n'))
    assert settings.sip.tls_names == {
        "phones.example": sections.NamedCertificate(cert=Path("c.pem"), key=Path("c.key"))
    }
    with pytest.raises(ConfigError, match="key"):
        load(write(section))


def test_https_is_in_the_public_url() -> None:
    settings = Settings(http=sections.Http(tls_cert=Path("c"), tls_key=Path("k"), listen="127.0.0.1:443"))
    assert settings.public_url == "https://127.0.0.1:443"


def test_addresses() -> None:
    assert (host_port("a.example:1"), host_port("[::1]:65535")) == (("a.example", 1), ("::1", 65535))
    for text in ("", "a", ":1", "a:", "a:b", "a:65536", "a:-1"):
        with pytest.raises(ValueError, match="is not HOST:PORT"):
            host_port(text)
