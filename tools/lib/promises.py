"""Checks that what the documentation promises is seen by tests that exist: each line of the tables of docs/failures.md names its own, and
each option of docs/configuration.md stands in a configuration of some test. tools/lint calls findings()."""
import re

from protocol_lines import known_tests

TABLE = re.compile(r"^## `(.*)`$")
OPTION = re.compile(r"^\| `([^`]+)` \|")


def failure_findings(root):
    """Tables with a column `test`: each line names at least one test; pytest's may have parameters behind."""
    known, tests_at = known_tests(root), None
    for number, line in enumerate((root / "docs/failures.md").read_text().splitlines(), 1):
        if not line.startswith("|"):
            tests_at = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if tests_at is None:
            tests_at = cells.index("test") if "test" in cells else -1
            continue
        if tests_at < 0 or set(line) <= set("|- "):
            continue
        named = re.findall(r"`([^`]+)`", cells[tests_at])
        if not named:
            yield number, "no test is named"
        for test in named:
            if re.sub(r"\[.*\]$", "", test) not in known:
                yield number, f"there is no test {test}"


def tested_keys(root):
    files = [p for p in (root / "tests").rglob("*") if p.suffix in (".cc", ".h", ".py") and p.is_file()]
    texts = [(p.suffix, p.read_text(errors="replace")) for p in files]
    keys = set(re.findall(r"""(\w+)["']?\s*:""", "\n".join(text for _, text in texts)))
    return keys | set(re.findall(r"[(,]\s*(\w+)=", "\n".join(text for suffix, text in texts if suffix == ".py")))


def option_findings(root):
    """`key:` as YAML writes it, or a key or an argument by name as Python does."""
    keys, table = tested_keys(root), ""
    for number, line in enumerate((root / "docs/configuration.md").read_text().splitlines(), 1):
        if found := TABLE.match(line):
            table = found[1]
        elif (found := OPTION.match(line)) and found[1] not in keys:
            yield number, f"{table}: no test has a configuration with {found[1]}"


def findings(root):
    """(file, line number, message)"""
    for number, message in failure_findings(root):
        yield "docs/failures.md", number, message
    for number, message in option_findings(root):
        yield "docs/configuration.md", number, message
