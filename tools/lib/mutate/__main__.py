"""tools/mutate: see there. A mistake is found by the tests that reach its place and fail; one that no test reaches is not run."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

from build import JOBS, ROOT, build, programs
from e2e import PROGRAMS, EndToEnd, fitting
from equivalent import Judged

FOLDERS = ("shared", "dns", "edge", "cli")
MISSED = ("survived", "unreached")
SLOWEST = 300  # seconds for the whole program


def program_of(folder):
    return "_".join(folder.split("/")[:2]) + "_test" if folder != "cli" else "cli_test"


def sources_of(folder):
    return sorted(p for p in (ROOT / folder).rglob("*.cc") if p.name != "main.cc")


class Tests:
    """The test program with its mistakes, which tests it has, how long they take and what they reach."""

    def __init__(self, program, folder):
        self.program, self.log = program, folder / "reach.txt"
        done = self.go(-1, None, SLOWEST, MERIDIAN_MUTANT_REACH=str(self.log))
        if done != "passed":
            raise SystemExit(f"tools/mutate: {program.name} fails with no mistake made")
        self.reach, self.time = {}, {}
        for line in self.log.read_text().splitlines():
            name, milliseconds, *numbers = line.split()
            self.time[name] = int(milliseconds)
            for number in numbers:
                self.reach.setdefault(int(number), []).append(name)

    def go(self, number, names, limit, **more):
        environment = {**os.environ, "MERIDIAN_MUTANT": str(number), **more}
        if names:
            environment["GTEST_FILTER"] = ":".join(names)
        try:
            done = subprocess.run([self.program, "--gtest_fail_fast", "--gtest_brief=1"], cwd=ROOT, env=environment, timeout=limit,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return "hung"
        return "passed" if done.returncode == 0 else "failed"

    def judge(self, number):
        """"unreached", "survived", or how it was found. The quick tests first."""
        names = sorted(self.reach.get(number, []), key=self.time.get)
        if not names:
            return "unreached"
        quick = [name for name in names if self.time[name] <= 50]
        for some in (quick, names[len(quick):]):
            # A limit that is far off: the machine may be busy.
            if some and (seen := self.go(number, some, 20 + 10 * sum(map(self.time.get, some)) / 1000)) != "passed":
                return seen
        return "survived"


class Memory:
    """What is known from runs before: by the source's text, the mistake, and the text of all tests of the folder."""

    def __init__(self, path, tests):
        self.path = path
        digest = hashlib.sha256()
        for one in sorted(p for p in (ROOT / "tests" / tests).rglob("*") if p.is_file()):
            digest.update(one.read_bytes())
        self.tests = digest.hexdigest()
        self.known = json.loads(path.read_text()) if path.exists() else {}

    def key(self, source, mistake):
        what = f"{source.name}:{mistake.line}:{mistake.column}:{mistake.kind}".encode() + source.text + self.tests.encode()
        return hashlib.sha256(what).hexdigest()[:32]

    def keep(self, key, seen):
        self.known[key] = seen
        self.path.write_text(json.dumps(self.known))


def changed_lines():
    """{source: lines} that differ from MERIDIAN_BASE."""
    done = subprocess.run(["git", "diff", "-U0", os.environ.get("MERIDIAN_BASE", "HEAD~1"), "--", *(f"{f}/*.cc" for f in FOLDERS)],
                          cwd=ROOT, capture_output=True, text=True, check=True)
    out, path = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("+++ "):
            path = ROOT / line[6:] if line.startswith("+++ b/") else None
        elif path and (hunk := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line)):
            first, count = int(hunk[1]), int(hunk[2] or 1)
            out.setdefault(path, set()).update(range(first, first + count))
    return {path: lines for path, lines in out.items() if path.exists() and path.name != "main.cc"}


def some_of(paths, options):
    """Of many sources as many as a sample needs, the longer ones sooner: each costs its reading and a compilation."""
    most = max(8, options.sample // 5)
    if options.list or not options.sample or len(paths) <= most:
        return paths
    draw = random.Random(options.seed)
    return sorted(sorted(paths, key=lambda path: draw.random() ** (1 / path.stat().st_size))[-most:])


class Choice:
    """Which mistakes are planted: those in the lines asked about that a person has not judged, and of them the sample."""

    def __init__(self, options, only):
        self.options, self.only = options, only
        self.found, self.equal, self.stale = 0, 0, []

    def __call__(self, sources):
        judged, used, left = Judged(), set(), []
        for source in sources:
            for number, mistake in source.mistakes.items():
                if judged.reason(source, mistake, used) is not None:
                    self.equal += 1
                elif self.only is None or mistake.line in self.only.get(source.path, ()):
                    left.append((source, number))
        self.stale = judged.stale(sources, used)
        self.found = len(left)
        if self.options.list:
            for source, number in left:
                mistake = source.mistakes[number]
                print(f"  {source.name}:{mistake.line}:{mistake.column}: {mistake.kind}")
            return []
        if self.options.sample and len(left) > self.options.sample:
            left = random.Random(self.options.seed).sample(left, self.options.sample)
        wanted = {number for _, number in left}
        for source in sources:
            source.mistakes = {number: mistake for number, mistake in source.mistakes.items() if number in wanted}
        return sources


def mutate(folder, paths, options, only=None):
    """Plants, runs and tells; how many of those that were judged survived."""
    program = program_of(folder)
    scratch = ROOT / "build/mutate" / folder.replace("/", "-")
    scratch.mkdir(parents=True, exist_ok=True)
    choice = Choice(options, only)
    made, sources = build(program, some_of(paths, options), scratch, choice)
    places = [(source, number, mistake) for source in sources for number, mistake in source.mistakes.items()]
    print(f"{folder}: {len(places)} of {choice.found} mistakes in {len(sources)} sources; {choice.equal} more change nothing (equivalent.txt)")
    for stale in choice.stale:
        print(f"  equivalent.txt names what is no mistake any more: {stale}")
    if options.list:
        return 0
    memory = Memory(scratch / "known.json", "/".join(folder.split("/")[:2]))
    seen = {}
    todo = []
    for place in places:
        known = memory.known.get(memory.key(place[0], place[2]))
        if known:
            seen[place] = known
        else:
            todo.append(place)
    if todo:
        tests = Tests(made, scratch)
        end = time.monotonic() + options.seconds

        def judged(place):
            return place, tests.judge(place[1]) if time.monotonic() < end else None
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            for place, verdict in pool.map(judged, todo):
                if verdict:
                    seen[place] = verdict
                    memory.keep(memory.key(place[0], place[2]), verdict)
    tell(folder, seen, len(places))
    if options.e2e:
        ask_end_to_end(folder, scratch, sources, seen, memory)
        tell(f"{folder} with tests/e2e", seen, len(places))
    return sum(verdict in MISSED for verdict in seen.values())


def ask_end_to_end(folder, scratch, sources, seen, memory):
    """The end-to-end tests' verdict of each mistake that no unit test noticed, into `seen`."""
    asked = EndToEnd(scratch)
    ready = False
    for place in sorted((place for place, verdict in seen.items() if verdict in MISSED), key=lambda p: (p[0].name, p[1])):
        source, number, mistake = place
        digest = hashlib.sha256(b"".join((ROOT / file).read_bytes() for file in fitting.files(source.name))).hexdigest()[:16]
        key = f"{memory.key(source, mistake)}:{digest}"
        if key not in memory.known:
            if not ready:
                programs(PROGRAMS[folder.split("/")[0]], sources, scratch)
                ready = True
            memory.keep(key, asked.judge(source.name, number))
        seen[place] = memory.known[key]


def tell(folder, seen, wanted):
    missed = sorted((place for place, verdict in seen.items() if verdict in MISSED), key=lambda p: (p[0].name, p[2].line))
    for source, _, mistake in missed:
        line = source.text.splitlines()[mistake.line - 1].decode(errors="replace").strip()
        verdict = seen[(source, _, mistake)]
        print(f"  {source.name}:{mistake.line}:{mistake.column}: {mistake.kind}{' (no test gets there)' if verdict == 'unreached' else ''}: {line}")
    if seen:
        late = f"; {wanted - len(seen)} not tried in the time" if len(seen) < wanted else ""
        print(f"{folder}: {len(seen) - len(missed)} of {len(seen)} noticed, {100 * (len(seen) - len(missed)) / len(seen):.1f} %{late}")


def main():
    sys.stdout.reconfigure(line_buffering=True)
    parser = argparse.ArgumentParser(prog="tools/mutate")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--changed", action="store_true")
    parser.add_argument("--sample", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--e2e", action="store_true")
    options = parser.parse_args()
    if bool(options.folder) == options.changed:
        parser.error("a folder, or --changed")
    if not options.changed:
        options.sample = 100 if options.sample is None else options.sample
        options.seconds = options.seconds or 600
        folder = options.folder.strip("/")
        if folder.split("/")[0] not in FOLDERS or not (ROOT / folder).is_dir():
            parser.error(f"no folder of sources: {folder}")
        mutate(folder, sources_of(folder), options)
        return 0
    options.sample = 40 if options.sample is None else options.sample
    options.seconds = options.seconds or 90
    lines, missed = changed_lines(), 0
    for folder in sorted({"/".join(p.relative_to(ROOT).parts[:-1][:2]) for p in lines}):
        missed += mutate(folder, [p for p in sorted(lines) if str(p.relative_to(ROOT)).startswith(folder + "/")], options, lines)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
