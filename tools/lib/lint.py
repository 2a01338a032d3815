"""Checks the rules that a compiler cannot: layering, sizes, the await rule, comments at the head of headers, a test of its
own name for each source, and that what docs/protocol.md, docs/protocol-edge.md, docs/failures.md and docs/configuration.md
promise is held by tests that exist.

Usage: tools/lint [--fix]      exit status 0 when clean, 1 with a line per finding
  --fix   let clang-format rewrite what it would complain of
The rules stand in docs/architecture.md ("Walls"); each check below names its own.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/lib"))

import fitting  # noqa: E402  (the path comes first)
import own_tests  # noqa: E402
import promises  # noqa: E402
import protocol_lines  # noqa: E402

CODE_FOLDERS = ("shared", "dns", "edge", "cli")
PURE = ("core", "http")
RANK = {"core": 0, "http": 1, "load": 2, "serve": 3}
# The rooms of each folder, lowest first: a room includes itself and those before it. Only main.cc, which wires, and the
# files of a folder that is not listed lie in no room.
ROOMS = {
    "shared/serve": ("os", "loop", "tls", "client", "probe", "resolve", "admin", "process"),
    "dns/core": ("wire", "health", "steer", "zone", "answer"),
    "dns/load": ("record", "geo", "config", "zone", "world"),
    "dns/serve": ("responder", "udp", "tcp", "worker", "control"),
    "edge/core": ("message", "h2", "access", "content", "cache", "protect", "scale", "pool", "route", "snapshot", "decide"),
    "edge/serve": ("io", "account", "upstream", "redis", "files", "cache", "request", "client", "worker", "control"),
}
CORE_BANNED = re.compile(
    r'#include\s*<(boost/asio|ldns|maxminddb|openssl|ares|nghttp2|yaml-cpp|idn2|spdlog|sys/socket|sys/epoll'
    r"|thread|mutex|condition_variable|future|shared_mutex)")
INCLUDE = re.compile(r'#include\s*"((shared|dns|edge|cli)/(?:(core|http|load|serve)/)?[^"]+)"')
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60
WIDTH = 120
PROMISES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|not implemented yet|unimplemented|for now\b")


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).exists()]


def layer_findings(path, text):
    """serve -> load -> core -> shared; dns and edge never include each other; core includes nothing that does I/O."""
    parts = path.relative_to(ROOT).parts
    if parts[0] not in CODE_FOLDERS:
        return
    role, layer = parts[0], parts[1] if len(parts) > 2 else None
    for number, line in enumerate(text.splitlines(), 1):
        if layer in PURE and CORE_BANNED.search(line):
            yield number, f"{layer} must not know this: {line.strip()}"
        if layer in ("core", "http", "load") and re.search(r"#include\s*<boost/asio", line):
            yield number, f"Asio belongs to serve: {line.strip()}"
        found = INCLUDE.search(line)
        if not found or role == "cli":
            continue
        to_role, to_layer = found.group(2), found.group(3)
        if to_role != role and to_role != "shared":
            yield number, f"{role} must not include {to_role}: {line.strip()}"
        elif layer in RANK and to_layer in RANK and RANK[to_layer] > RANK[layer]:
            if to_layer != "http" or role == "shared":  # pure too: what both servers' cores may use
                yield number, f"{layer} must not include {to_layer}: {line.strip()}"


def room_findings(path, text):
    """Every file of a folder with rooms lies in one, and rooms include only those before them."""
    parts = path.relative_to(ROOT).parts
    folder = "/".join(parts[:2])
    if folder not in ROOMS or parts[2] == "main.cc":
        return
    rooms = ROOMS[folder]
    if len(parts) != 4 or parts[2] not in rooms:
        yield 1, f"{folder} has rooms: {', '.join(rooms)}"
        return
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(rf'#include "{folder}/(\w+)/', line)
        if not found:
            continue
        if found.group(1) not in rooms or rooms.index(found.group(1)) > rooms.index(parts[2]):
            yield number, f"{parts[2]} must not include {found.group(1)}: {line.strip()}"


def balanced(text, at):
    """The parenthesised part of the text that begins at `at`."""
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] == "(") - (text[end] == ")")
        if depth == 0:
            return text[at:end + 1]
    return text[at:]


def await_findings(path, text):
    """GCC 12 destroys a braced temporary or a lambda inside a co_await expression twice (docs/decisions/001)."""
    bare = re.sub(r"//[^\n]*", "", text)
    for match in re.finditer(r"co_await[^;{]*\{", bare):
        yield bare.count("\n", 0, match.start()) + 1, "a brace inside a co_await expression: name the temporary first"
    for match in re.finditer(r"\b(?:if|while|for|switch)\s*(?=\()", bare):
        if "co_await" in balanced(bare, match.end()):
            yield bare.count("\n", 0, match.start()) + 1, "co_await in a condition: put its result into a variable first"


def header_findings(path, text):
    if path.suffix == ".h" and path.relative_to(ROOT).parts[0] in CODE_FOLDERS:
        lines = text.splitlines()
        if not lines or lines[0] != "#pragma once":
            yield 1, "a header starts with #pragma once"
        elif len(lines) < 2 or not lines[1].startswith("//"):
            yield 2, "a header's second line starts its head comment: what it is, who owns it, which thread"


def own_header_findings(path, text):
    """A header is compiled alone by the source of its name, which includes it first (cmake/meridian.cmake)."""
    header = path.with_suffix(".h").relative_to(ROOT)
    if path.suffix != ".cc" or header.parts[0] not in CODE_FOLDERS or not (ROOT / header).exists():
        return
    first = re.search(r"^#include\s*(\S+)", text, re.MULTILINE)
    if first is None or first.group(1) != f'"{header}"':
        yield 1, f"{header} is to be the first that is included: it is compiled alone nowhere else"


def own_namespace_findings(path, text):
    """Several tests are compiled as one (cmake/meridian.cmake): each has its helpers in a namespace of its own name."""
    if path.name.endswith("_test.cc") and not re.search(rf"^namespace (\w+::)+{path.stem} {{$", text, re.MULTILINE):
        yield 1, f"its namespace is to end in ::{path.stem}: tests are compiled in batches"


def text_findings(path, text):
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield 1, f"{len(lines)} lines; at most {MAX_FILE_LINES}: what would each be called if it were two?"
    for number, line in enumerate(lines, 1):
        if len(line) > WIDTH:
            yield number, f"{len(line)} columns; at most {WIDTH}"
        if PROMISES.search(line) and path != pathlib.Path(__file__).resolve():
            yield number, f"promises a later day: {line.strip()}"


def function_findings(path, text):
    """Function bodies, found by indentation as clang-format leaves it: a line that ends in `{` to the `}` of its indent."""
    if path.relative_to(ROOT).parts[0] not in CODE_FOLDERS:
        return  # tests are tables
    start, indent = None, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("//"):
            continue
        if start is None:
            opening = re.match(r"^( {0,4})(?!namespace|class|struct|enum|union|extern|if|for|while|switch|else|do\b|}|//)"
                               r"\S.*\)[^;=]*\{$|^( {0,4})\S.*\)( const| noexcept| override|\s*->.*)*\s*\{$", line)
            if opening and not re.match(r"^\s*(namespace|class|struct|enum|union|if|for|while|switch|else|do|\}|//)\b", line):
                start, indent = number, re.match(r"^ *", line).group(0)
        elif re.match(rf"^ {{0,{len(indent)}}}\}}", line):
            if number - start + 1 > MAX_FUNCTION_LINES:
                yield start, f"a function of {number - start + 1} lines; at most {MAX_FUNCTION_LINES}"
            start = None


def format_findings(paths, fix):
    command = ["clang-format-19", "-i"] if fix else ["clang-format-19", "--dry-run", "--Werror"]
    done = subprocess.run(command + [str(p) for p in paths], cwd=ROOT, capture_output=True, text=True)
    return [line.replace(str(ROOT) + "/", "") for line in done.stderr.splitlines() if "error:" in line]


def main():
    code = [p for p in tracked("*.h", "*.cc")]
    findings = format_findings(code, "--fix" in sys.argv[1:])
    for path in code:
        text = path.read_text()
        for check in (layer_findings, room_findings, await_findings, header_findings, own_header_findings,
                      own_namespace_findings, text_findings, function_findings):
            findings += [f"{path.relative_to(ROOT)}:{number}: {message}" for number, message in check(path, text)]
    for path in tracked("*.py", "tools/*", "*.cmake", "*CMakeLists.txt"):
        if path.is_file() and path.suffix not in (".txt", ".tsv") or path.name == "CMakeLists.txt":
            text = path.read_text()
            findings += [f"{path.relative_to(ROOT)}:{n}: {m}" for n, m in text_findings(path, text) if "columns" not in m]
    findings += [f"{file}:{number}: {message}" for file, number, message in protocol_lines.findings(ROOT)]
    findings += [f"{file}:{number}: {message}" for file, number, message in promises.findings(ROOT)]
    sources = {str(p.relative_to(ROOT)) for p in code}
    findings += [f"{source}: {message}" for source, message in own_tests.findings(ROOT, sources)]
    findings += [f"{source}: {message}" for source, message in fitting.findings(ROOT, sources)]
    for line in findings:
        print(line)
    for source in own_tests.stale(ROOT, sources):
        print(f"note: {source} needs no line in tools/lib/own_tests.py any more")
    print(f"lint: {len(code)} C++ files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
