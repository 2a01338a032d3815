"""What the unit tests of a serve room do not notice is asked of the end-to-end tests: the programs with all mistakes in them, and of the
fitting files those tests that reach the place, the quick ones first."""
import json
import os
import pathlib
import subprocess
import sys

from build import ROOT

sys.path.insert(0, str(ROOT / "tools/lib"))
from own_tests import SEEN_BY  # noqa: E402  (the path comes first)

HERE = pathlib.Path(__file__).parent
PROGRAMS = {"dns": ["meridian-dns"], "edge": ["meridian-edge"], "shared": ["meridian-dns", "meridian-edge"], "cli": []}
# Of each room, beside the files that own_tests.py names for a source.
FITTING = {
    "dns/serve": ["test_operator", "test_start", "test_dns_reload", "test_region_health", "test_geo", "test_dns_over_tls", "test_https_checks"],
    "edge/serve": ["test_operator", "test_edge_http", "test_edge_reload", "test_accounting", "test_upstream_connections"],
    "shared/serve": ["test_operator", "test_start", "test_tls", "test_processes", "test_https_checks"],
}
# Of sources that have unit tests of their own, what only whole processes show.
BESIDES = {
    "edge/serve/client/datagrams.cc": ["test_udp"],
    "edge/serve/client/h2_connection.cc": ["test_http2", "test_http2_goodbye"],
    "edge/serve/control/backends.cc": ["test_https_checks", "test_healing"],
    "edge/serve/control/control.cc": ["test_upgrade", "test_cache_disk"],
    "edge/serve/control/control_explain.cc": ["test_explain", "test_tcp"],
    "edge/serve/request/compressing_sink.cc": ["test_compression"],
    "edge/serve/request/mirror.cc": ["test_mirror"],
}
MOST = 25  # tests for one mistake, beside all of the file that is named for its source
SLOWEST = 900  # seconds for one file


class EndToEnd:
    """The programs in `folder`/bin, and what each test of the files that were asked reaches. One thread."""

    def __init__(self, room, folder):
        self.room, self.folder = room, folder
        self.reach = {}  # file: {test: [seconds, [number]]}, read when the file is first needed

    def files(self, source):
        own = SEEN_BY.get(source, "")
        named = [own] if own.endswith(".py") else []
        return [*named, *(path for name in BESIDES.get(source, []) + FITTING.get(self.room, []) if (path := f"tests/e2e/{name}.py") not in named)]

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
        """"unreached", "survived" or how it was found."""
        own, more = [], []
        for file in self.files(source):
            for test, (seconds, numbers) in self.reached_by(file).items():
                if number in numbers:
                    (own if file == SEEN_BY.get(source) else more).append((seconds, test))
        if not own and not more:
            return "unreached"
        for some in (sorted(own), sorted(more)[:MOST]):
            limit = 60 + 10 * sum(seconds for seconds, _ in some)
            if some and (seen := self.pytest([test for _, test in some], number, limit)) != "passed":
                return seen
        return "survived"
