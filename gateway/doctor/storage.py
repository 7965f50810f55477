"""Is the data folder ours alone, and does the database answer?"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

import gateway.store
from gateway.config import Settings
from gateway.doctor.finding import Finding, doubtful, fine, wrong
from gateway.store.connections import connections

SECRETS = ("secret.key", "credentials.json")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
LITTLE = 1 << 30  # bytes: some fifteen hours of recordings


@dataclass(frozen=True, slots=True)
class Folder:
    """The data folder."""

    path: Path
    exists: bool = True
    writable: bool = True
    free: int = LITTLE
    open_secrets: tuple[str, ...] = ()  # files that others may read


@dataclass(frozen=True, slots=True)
class Base:
    """The database. `revision` is empty where it has no tables yet."""

    where: str
    error: str = ""
    revision: str = ""
    newest: str = ""  # that this program knows
    known: bool = True  # the revision is one of this program's


def folder(facts: Folder) -> list[Finding]:
    """Whether it can be written to, by us alone."""
    subject = f"data {facts.path}"
    if not facts.writable:
        what = "this user may not write to it" if facts.exists else "this user may not make it"
        return [wrong(subject, what, "chown it to the gateway's user, or set data (--data) to another folder")]
    found = [fine(subject, "can be written to" if facts.exists else "will be made at the first start")]
    for name in facts.open_secrets:
        cure = f"chmod 600 {facts.path / name}"
        found.append(wrong(subject, f"{name} can be read by others than the gateway's user", cure))
    if facts.free < LITTLE:
        cure = "make room, or lower store.keep_days and speech.cache_mb"
        found.append(doubtful(subject, f"only {facts.free >> 20} MB are free", cure))
    return found


def database(facts: Base) -> list[Finding]:
    """Whether it answers, and is not of a newer program."""
    subject = f"store.url {facts.where}".rstrip()
    if facts.error:
        return [wrong(subject, f"does not answer: {facts.error}", "start the database, or correct store.url")]
    if not facts.revision:
        return [fine(subject, "is empty: the first start makes its tables")]
    if not facts.known:
        cure = "run the version that wrote it, or a newer one"
        return [wrong(subject, f"was written by a newer version (schema {facts.revision})", cure)]
    if facts.revision != facts.newest:
        return [fine(subject, f"answers; the next start brings it from {facts.revision} to {facts.newest}")]
    return [fine(subject, "answers, and is up to date")]


def gather_folder(settings: Settings) -> Folder:
    """Looks; writes nothing."""
    path = settings.data.absolute()
    there = next(one for one in (path, *path.parents) if one.exists())
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return Folder(path, path.exists(), writable, shutil.disk_usage(there).free, _open_secrets(path))


def _open_secrets(path: Path) -> tuple[str, ...]:
    found = []
    for name in SECRETS:
        try:
            mode = (path / name).stat().st_mode
        except OSError:
            continue
        if mode & OTHERS:
            found.append(name)
    return tuple(found)


async def gather_database(settings: Settings) -> Base:
    """Asks the database for its revision; a SQLite file that is not there is not made."""
    try:
        url = sa.make_url(settings.database_url)
    except sa.exc.ArgumentError as error:
        return Base("", str(error).partition("\n")[0])
    where = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return Base(where)
    try:
        opened = connections(settings.database_url, settings.store.durability)
        try:
            revision = await opened.read(_revision)
        finally:
            await opened.close()
    except (SQLAlchemyError, OSError, ImportError) as error:
        return Base(where, str(getattr(error, "orig", None) or error).partition("\n")[0])
    config = Config()
    config.set_main_option("script_location", str(Path(gateway.store.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    known = {one.revision for one in script.walk_revisions()}
    return Base(where, "", revision, script.get_current_head() or "", not revision or revision in known)


def _revision(connection: sa.Connection) -> str:
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() or "")
