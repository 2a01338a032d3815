"""What the unit tests of a serve room do not notice is asked of the end-to-end tests: the programs with all mistakes in them, and of the
fitting files (fitting.py) those tests that reach the place, the quick ones first."""
import json
import os
import pathlib
import subprocess
import sys

from build import ROOT

sys.path.insert(0, str(ROOT / "tools/lib"))
import fitting  # noqa: E402  (the path comes first)
from own_tests import SEEN_BY  # noqa: E402

HERE = pathlib.Path(__file__).parent
PROGRAMS = {"dns": ["meridian-dns"], "edge": ["meridian-edge"], "shared": ["meridian-dns", "meridian-edge"], "cli": []}
MOST = 25  # tests of one file for one mistake, but for that which own_tests.py names
SLOWEST = 900  # seconds for one file


class EndToEnd:
    """The programs in `folder`/bin, and what each test of the files that were asked reaches. One thread."""

    def __init__(self, folder):
        self.folder = folder
        self.reach = {}  # file: {test: [seconds, [number]]}, read when the file is first needed

    def pytest(self, tests, number, limit, **more):
        environment = {**os.environ, "MERIDIAN_BIN": str(self.folder / "bin"), "MERIDIAN_MUTANT": str(number),
                       "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1", **more}
        command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not load", *tests]
        try:
            done = subprocess.run([*command, *(["-x"] if number >= 0 else ["-p", "reach_plugin"])], cwd=ROOT, env=environment, timeout=limit,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return "hung"
        return "passed" if done.returncode == 0 else "failed"

    def reached_by(self, file):
        if file not in self.reach:
            log = self.folder / "e2e.json"
            log.unlink(missing_ok=True)
            seen = self.pytest([file], -1, SLOWEST, MERIDIAN_MUTANT_REACH=str(self.folder / "e2e.reach"), MERIDIAN_MUTANT_LOG=str(log))
            if seen != "passed":
                print(f"  {file}: not all of it passes with no mistake made; what does not is not asked")
            self.reach[file] = json.loads(log.read_text()) if log.exists() else {}
        return self.reach[file]

    def judge(self, source, number):
        """"unreached", "survived" or how it was found. File by file: what nobody needs to ask is not run for its reach."""
        reached = False
        for file in fitting.files(source):
            there = sorted((seconds, test) for test, (seconds, numbers) in self.reached_by(file).items() if number in numbers)
            some = there if file == SEEN_BY.get(source) else there[:MOST]
            limit = 60 + 10 * sum(seconds for seconds, _ in some)
            if some and (seen := self.pytest([test for _, test in some], number, limit)) != "passed":
                return seen
            reached = reached or bool(some)
        return "survived" if reached else "unreached"
