"""Checks docs/protocol.md and docs/protocol-edge.md: every line has an id of its own and tests that exist. tools/lint calls findings()."""
import re

DOCUMENTS = ("docs/protocol.md", "docs/protocol-edge.md")
LINE = re.compile(r"^\| ([A-Z]\d+) \| (.*) \| ([^|]*) \|$")
UNIT = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.M)
FUNCTION = re.compile(r"^def (test_\w+)\(", re.M)


def known_tests(root):
    """All names that a line may give: Suite.Name of GoogleTest, file.py::function of pytest."""
    names = {f"{suite}.{name}" for path in (root / "tests").rglob("*_test.cc") for suite, name in UNIT.findall(path.read_text())}
    return names | {f"{path.name}::{name}" for path in (root / "tests/e2e").glob("test_*.py") for name in FUNCTION.findall(path.read_text())}


def findings(root):
    """(file, line number, message) for each line that nothing holds."""
    known, seen = known_tests(root), set()
    for document in DOCUMENTS:
        before = len(seen)
        for number, line in enumerate((root / document).read_text().splitlines(), 1):
            for message in line_findings(line, known, seen):
                yield document, number, message
        if len(seen) == before:
            yield document, 1, "no lines found"


def line_findings(line, known, seen):
    found = LINE.match(line)
    if not found:
        if re.match(r"^\| [A-Z]\d", line):
            yield "not a line of the form | id | behaviour | tests |"
        return
    name, _, tests = found.groups()
    if name in seen:
        yield f"{name} stands twice"
    seen.add(name)
    held_by = re.findall(r"`([^`]+)`", tests)
    if not held_by:
        yield f"{name} has no test"
    for test in held_by:
        if test not in known:
            yield f"{name}: there is no test {test}"
