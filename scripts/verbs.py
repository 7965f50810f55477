"""The compatibility matrix out of the tests of verbs: a table in README.md, each behaviour in docs/verbs.md.

`scripts/verbs.py` runs tests/twiml/docs and writes both, if all of it passes; `--check` says whether they are current.
A test's name, and its docstring where it has one, is the sentence that it shows.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from twiml.verbs import LATER, conference, connect, dial, gather, nouns, record, start

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests" / "twiml" / "docs"
README, PAGE = ROOT / "README.md", ROOT / "docs" / "verbs.md"
BEGIN, END = "<!-- verbs: scripts/verbs.py writes this -->\n", "<!-- /verbs -->\n"
HEAD = """# What each verb does

Every sentence has its example in `tests/twiml/docs/`, which passes. This page is written by `scripts/verbs.py`;
[twiml.md](twiml.md) has the attributes.
"""
KNOWN = """
## Known by name

Not in this version: skipped, with a line in the call's notifications.

| element | attributes | code |
|---|---|---|
"""


@dataclass(frozen=True)
class Verb:
    """One file of tests: the elements, what they do, and a sentence for each behaviour."""

    file: str
    elements: str
    does: str
    sentences: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Of its heading in docs/verbs.md, as GitHub makes it."""
        return re.sub(r"[^a-z0-9 -]", "", self.elements.lower()).replace(" ", "-")


def verbs() -> list[Verb]:
    """All of them, by the names of their files."""
    return [_verb(path) for path in sorted(TESTS.glob("test_*.py"))]


def _verb(path: Path) -> Verb:
    module = ast.parse(path.read_text())
    title = (ast.get_docstring(module) or "").partition("\n")[0]
    elements, _, does = title.partition(": ")
    tests = [one for one in module.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
    return Verb(path.name, elements, does.rstrip("."), tuple(map(_sentence, tests)))


def _sentence(test: ast.FunctionDef) -> str:
    name = test.name.removeprefix("test_").replace("_", " ")
    more = " ".join((ast.get_docstring(test) or "").split())
    return f"{name[0].upper()}{name[1:]}." + (f" {more}" if more else "")


def table(found: list[Verb]) -> str:
    """For the README."""
    lines = ["| verb | what it does | behaviours shown |", "|---|---|---|"]
    lines += [f"| {one.elements} | {one.does} | [{len(one.sentences)}](docs/verbs.md#{one.anchor}) |" for one in found]
    return "\n".join(lines) + "\n"


def page(found: list[Verb]) -> str:
    """docs/verbs.md."""
    sections = [
        f"\n## {one.elements}\n\n{one.does[0].upper()}{one.does[1:]} (`{one.file}`).\n\n"
        + "".join(f"- {sentence}\n" for sentence in one.sentences)
        for one in found
    ]
    return HEAD + "".join(sections) + later()


def later() -> str:
    """What is known by its name only, as the parsers have it."""
    elements = {f"`{name}`": code for name, code in (LATER | dial.LATER).items()}
    elements |= {f"`{name}` in `Start`": start.INVALID for name in start.LATER}
    elements |= {f"`{name}` in `Connect`": code for name, code in connect.NOUNS.items()}
    attributes = {
        "Conference": (conference.LATER, 13230), "Dial": (dial.LATER_ATTRIBUTES, 13210),
        "Gather": (('input="speech"', *gather.SPEECH), 13310), "Number": (nouns.AMD, 13221),
        "Record": (("transcribe", *record.LATER), record.NO_TRANSCRIPTION), "Sip": (nouns.AMD, 13241),
    }  # fmt: skip
    rows = [f"| {name} | | {code} |\n" for name, code in sorted(elements.items())]
    for name, (listed, code) in attributes.items():
        rows.append(f"| `{name}` | {' '.join(f'`{one}`' for one in listed)} | {code} |\n")
    return KNOWN + "".join(rows)


def readme(found: list[Verb]) -> str:
    """README.md with the table of today."""
    text = README.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"README.md has no line {BEGIN!r}"
    assert end, f"README.md has no line {END!r}"
    return f"{before}{BEGIN}{table(found)}{END}{after}"


def main() -> int:
    """Exit status 1 where a test fails, or with `--check` where something is not current."""
    wanted = {README: readme(verbs()), PAGE: page(verbs())}
    if sys.argv[1:] == ["--check"]:
        stale = [path.name for path, text in wanted.items() if not path.exists() or path.read_text() != text]
        if stale:
            print(f"{' and '.join(stale)} not current: run scripts/verbs.py", file=sys.stderr)
        return 1 if stale else 0
    passed = subprocess.run([sys.executable, "-m", "pytest", "-q", str(TESTS)], cwd=ROOT, check=False).returncode == 0
    if passed:
        for path, text in wanted.items():
            path.write_text(text)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
