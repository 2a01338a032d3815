"""A plugin of pytest for e2e.py: writes the seconds of each test and the mistakes whose places its programs reached to MERIDIAN_MUTANT_LOG.
The programs note them in the octets of MERIDIAN_MUTANT_REACH, one for each mistake; what a shared server reached when it started
counts for the test that started it."""
import json
import os
import pathlib
import time

import pytest

MOST = 1 << 16
SEEN = pathlib.Path(os.environ["MERIDIAN_MUTANT_REACH"])
TESTS = {}
FAILED = set()


def pytest_sessionstart():
    SEEN.write_bytes(bytes(MOST))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    with SEEN.open("r+b") as file:  # the programs of a shared server have it mapped: neither cut nor replaced
        file.write(bytes(MOST))
    begun = time.monotonic()
    yield
    TESTS[item.nodeid] = [round(time.monotonic() - begun, 2), [number for number, octet in enumerate(SEEN.read_bytes()) if octet]]


def pytest_runtest_logreport(report):
    if not report.passed:  # or skipped
        FAILED.add(report.nodeid)


def pytest_sessionfinish():
    passed = {name: seen for name, seen in TESTS.items() if name not in FAILED}
    pathlib.Path(os.environ["MERIDIAN_MUTANT_LOG"]).write_text(json.dumps(passed))
