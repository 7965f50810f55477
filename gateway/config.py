"""Settings: one optional `trunkline.toml`, every key also as environment `TRUNKLINE_<SECTION>__<KEY>`.

Unknown keys are an error that names the nearest known one. Command-line flags win over the environment, which wins
over the file.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from gateway.sections import Capture, Http, Limits, Media, Phones, Sip, Speech, Stir, Store, Webhooks, is_loopback


class ConfigError(Exception):
    """A setting that cannot be used; the sentence says which and why."""


class Settings(BaseSettings):
    """Everything that can be set. Trunks, routes and connectors have the operator API's field names."""

    model_config = SettingsConfigDict(env_prefix="TRUNKLINE_", env_nested_delimiter="__", extra="forbid", frozen=True)

    http: Http = Http()
    sip: Sip = Sip()
    media: Media = Media()
    store: Store = Store()
    webhooks: Webhooks = Webhooks()
    speech: Speech = Speech()
    stir: Stir = Stir()
    limits: Limits = Limits()
    phones: Phones = Phones()
    capture: Capture = Capture()
    data: Path = Path("var")
    drain_seconds: float = Field(default=30.0, ge=0)
    trunks: tuple[dict[str, Any], ...] = ()
    routes: tuple[dict[str, Any], ...] = ()
    payment_connectors: tuple[dict[str, Any], ...] = ()
    siprec_connectors: tuple[dict[str, Any], ...] = ()
    declared_at: dict[str, int] = Field(default_factory=dict, exclude=True)  # "trunks/NAME" -> line of the file

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @property
    def database_url(self) -> str:
        return self.store.url or f"sqlite:///{self.data.absolute() / 'trunkline.db'}"

    @property
    def public_url(self) -> str:
        """Base of every absolute link that is given out, without a slash at its end."""
        if self.http.public_url:
            return self.http.public_url.rstrip("/")
        return f"{self.scheme}://{self.http.listen}"

    @property
    def scheme(self) -> str:
        """`https` where a certificate is set."""
        return "https" if self.http.tls_cert else "http"

    @property
    def loopback_only(self) -> bool:
        """Nothing of this gateway is reachable from outside: the condition of the trunk `local`."""
        return (
            all(is_loopback(host) for _, host, _ in self.sip.listeners)
            and not self.http.public_url
            and not self.sip.public_address
            and not self.media.public_address
        )


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Reads `path` (or `./trunkline.toml` when there is one), the environment, then `overrides` (dotted names)."""
    path = path or (Path("trunkline.toml") if Path("trunkline.toml").exists() else None)
    values: dict[str, Any] = {}
    if path is not None:
        try:
            text = path.read_text()
            values = tomllib.loads(text)
        except (OSError, ValueError) as error:  # no TOML, or no UTF-8
            raise ConfigError(f"{path}: {error}") from error
        if "declared_at" in values:
            raise ConfigError(f"{path}: declared_at is not a setting")
        values["declared_at"] = dict(_declarations(text))
    _check_environment()
    try:
        settings = Settings(**values)
        return _with(settings, overrides or {})
    except SettingsError as error:
        raise ConfigError(_no_json(error)) from error
    except ValidationError as error:
        raise ConfigError(_sentence(error, path)) from error


def _with(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    changes: dict[str, Any] = {}
    for dotted, value in overrides.items():
        section, _, key = dotted.partition(".")
        if not key:
            changes[section] = value
            continue
        old = changes.get(section, getattr(settings, section))
        try:
            changes[section] = type(old).model_validate({**old.model_dump(), key: value})
        except ValidationError as error:
            raise ConfigError(f"{dotted}: {_reason(error)}") from error
    return settings.model_copy(update=changes)


DECLARED = (("trunks", "name"), ("routes", "prefix"), ("payment_connectors", "name"), ("siprec_connectors", "name"))


def _declarations(text: str) -> Iterator[tuple[str, int]]:
    """Where the file declares trunks, routes and connectors: (`trunks/NAME`, line), so that a refusal can name it."""
    kind, start = "", 0
    for line, raw in enumerate(text.splitlines(), 1):
        stripped = raw.strip()
        if stripped.startswith("["):
            kind, start = stripped.strip("[] "), line
        key, _, value = stripped.partition("=")
        if (kind, key.strip()) in DECLARED:
            yield f"{kind}/{value.strip().strip(chr(34) + chr(39))}", start


def _known() -> list[str]:
    names = []
    for name, field in Settings.model_fields.items():
        if field.exclude:
            continue
        sub = field.annotation
        fields = sub.model_fields if isinstance(sub, type) and issubclass(sub, BaseModel) else None
        names += [f"{name}.{key}" for key in fields] if fields else [name]
    return names


def _check_environment() -> None:
    known = {"TRUNKLINE_" + name.replace(".", "__").upper() for name in _known()}
    known |= {"TRUNKLINE_" + name.upper() for name, field in Settings.model_fields.items() if not field.exclude}
    known |= {"TRUNKLINE_SECRET_KEY", "TRUNKLINE_REQUIRE_INTEROP"}
    for name in os.environ:
        if name.startswith("TRUNKLINE_") and name.upper() not in known:
            raise ConfigError(f"environment {name} is not a setting{_nearest(name, known)}")


def _no_json(error: SettingsError) -> str:
    """What is said of a list or table in the environment that cannot be read."""
    text = getattr(error.__cause__, "doc", "")
    name = next((name for name, value in os.environ.items() if name.startswith("TRUNKLINE_") and value == text), "")
    return f'environment {name}: {text!r} is not JSON, as lists and tables are written there: ["10.0.0.0/8"]'


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), 1, cutoff=0.4)
    return f"; did you mean {close[0]}?" if close else ""


def _sentence(error: ValidationError, path: Path | None) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    variable = "TRUNKLINE_" + "__".join(str(part) for part in first["loc"][:2]).upper()
    where = f"environment {variable}: " if variable in os.environ else f"{path}: " if path else ""
    if first["type"] == "extra_forbidden":
        return f"{where}{name} is not a setting{_nearest(name, _known())}"
    return f"{where}{name}: {_reason(error)}"


def fault(error: ValidationError, fields: Iterable[str]) -> str:
    """The first thing that is wrong with what has these fields; of a field that there is not, the nearest one."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"{where} is not a field{_nearest(where, fields)}"
    return f"{where}: {_reason(error)}" if where else _reason(error)


def _reason(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")
