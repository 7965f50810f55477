"""The architecture as a test: four rooms, one-way imports, purity, no cycles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "media", "sip", "twiml")

IO = {
    "asyncio", "socket", "ssl", "select", "selectors", "time", "threading", "subprocess", "multiprocessing",
    "aiohttp", "aiortc", "concurrent", "signal", "uvloop", "ctypes",
}  # fmt: skip
CHANCE = {"random", "secrets", "uuid", "os", "pathlib", "tempfile", "shutil", "datetime"}
ALLOWED_IO = ("sip/transport/", "media/sockets.py", "media/packets.py", "media/runner.py", "media/worker.py",
              "media/link.py", "media/control_link.py", "media/native.py", "media/native_streams.py",
              "media/native_arithmetic.py", "media/recorder.py", "media/endings.py", "media/blocks.py",
              "media/folder.py", "media/capturer.py",
              "media/jobs.py", "media/webrtc/", "media/rooms/", "gateway/")  # fmt: skip


def sources() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*.py"))


@cache
def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def imports(file: str, *, typing_too: bool = True) -> Iterator[str]:
    """The modules that a file imports, in full; without those under TYPE_CHECKING unless asked."""
    skipped: set[int] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not typing_too:
            skipped |= {id(inner) for child in node.body for inner in ast.walk(child)}
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are absolute"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if (ROOT / (module.replace(".", "/") + ".py")).exists() else str(node.module)


def room_of(file: str) -> str:
    return file.partition("/")[0]


@pytest.mark.parametrize("file", sources())
def test_rooms_import_one_way(file: str) -> None:
    """gateway may import sip, media and twiml; those import neither gateway nor each other."""
    room = room_of(file)
    for module in imports(file):
        other = module.partition(".")[0]
        if other in ROOMS and room != "gateway":
            assert other == room, f"{file} imports {module}"


@pytest.mark.parametrize("file", [file for file in sources() if not file.startswith(ALLOWED_IO)])
def test_pure_files_import_no_io_and_no_chance(file: str) -> None:
    """Time, chance and the world come in as arguments."""
    for module in imports(file, typing_too=False):
        assert module.partition(".")[0] not in IO | CHANCE, f"{file} imports {module}"


@pytest.mark.parametrize("file", [file for file in sources() if not file.startswith(ALLOWED_IO)])
def test_pure_files_open_no_files(file: str) -> None:
    """No file is opened, and nothing asks what time it is."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"open", "datetime.now", "input"}, f"{file}:{node.lineno} calls {called}"


CLOCKS = ("gateway/clock.py", "gateway/log.py", "gateway/speech/espeak_process.py",
          "gateway/speech/decode_process.py")  # fmt: skip


@pytest.mark.parametrize("file", [file for file in sources() if file.startswith("gateway/") and file not in CLOCKS])
def test_the_gateway_has_one_clock(file: str) -> None:
    """Only gateway/clock.py asks for the time; log.py formats what logging took, the processes run apart."""
    assert "time" not in set(imports(file, typing_too=False)), f"{file} imports time"
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"datetime.now", "datetime.utcnow"}, f"{file}:{node.lineno}"


SET_BY_PEOPLE = {"time.time", "time.time_ns", "time.clock_gettime", "time.localtime", "time.gmtime", "time.ctime"}


@pytest.mark.parametrize("file", [file for file in sources() if not file.startswith("gateway/")])
def test_media_and_sip_are_paced_by_no_clock_that_can_be_set(file: str) -> None:
    """Whoever sets the machine's clock moves no tick, no timer and no sync of a recording."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in SET_BY_PEOPLE, f"{file}:{node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert node.module != "time", f"{file}:{node.lineno} hides which clock it asks"


def edges() -> dict[str, set[str]]:
    """Which modules of ours each imports."""
    files = {file.removesuffix("/__init__.py").removesuffix(".py").replace("/", "."): file for file in sources()}
    return {
        module: {name for name in imports(file, typing_too=False) if name in files and name != module}
        for module, file in files.items()
    }


def test_a_phone_starts_without_the_database() -> None:
    """Which would take a second that nobody who calls wants to wait."""
    below, found = edges(), {"gateway.phone"}
    while new := {name for module in found for name in below[module]} - found:
        found |= new
    assert not [module for module in found if module.startswith(("gateway.store", "gateway.webhooks", "gateway.api"))]


def test_there_is_no_import_cycle() -> None:
    """Imports can be drawn with all arrows pointing down."""
    below = edges()
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for other in sorted(below[module]):
                visit(other, (*path, module))
            done.add(module)

    for module in below:
        visit(module, ())
