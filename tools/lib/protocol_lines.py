"""Checks docs/protocol.md: every line has an id of its own and tests that exist. tools/lint calls findings()."""
import re

LINE = re.compile(r"^\| ([A-Z]\d+) \| (.*) \| ([^|]*) \|$")
UNIT = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.M)
FUNCTION = re.compile(r"^def (test_\w+)\(", re.M)


def known_tests(root):
    """All names that a line may give: Suite.Name of GoogleTest, file.py::function of pytest."""
    names = {f"{suite}.{name}" for path in (root / "tests").rglob("*_test.cc") for suite, name in UNIT.findall(path.read_text())}
    return names | {f"{path.name}::{name}" for path in (root / "tests/e2e").glob("test_*.py") for name in FUNCTION.findall(path.read_text())}


def findings(root):
    """(line number, message) for each line that nothing holds."""
    known, seen = known_tests(root), set()
    for number, line in enumerate((root / "docs/protocol.md").read_text().splitlines(), 1):
        found = LINE.match(line)
        if not found:
            if re.match(r"^\| [A-Z]\d", line):
                yield number, "not a line of the form | id | behaviour | tests |"
            continue
        name, _, tests = found.groups()
        if name in seen:
            yield number, f"{name} stands twice"
        seen.add(name)
        held_by = re.findall(r"`([^`]+)`", tests)
        if not held_by:
            yield number, f"{name} has no test"
        for test in held_by:
            if test not in known:
                yield number, f"{name}: there is no test {test}"
    if not seen:
        yield 1, "no lines found"
