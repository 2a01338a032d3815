"""Fixtures of the end-to-end tests: real processes on loopback addresses of their own."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import meridian  # noqa: E402  (the path comes first)


def pytest_configure(config):
    config.addinivalue_line("markers", "load: puts load on the servers for many seconds; not run under sanitizers")


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """The shop, all regions up. Shared by the tests that only ask: whoever breaks something takes `fragile_shop`."""
    with meridian.Shop(tmp_path_factory.mktemp("shop"), edit=meridian.steady) as running:
        yield running.start()


@pytest.fixture
def fragile_shop(tmp_path):
    """A shop of the test's own, to break."""
    with meridian.Shop(tmp_path) as running:
        yield running.start()


@pytest.fixture
def steady_shop(tmp_path):
    """A shop of the test's own that nothing but the test takes anybody out of."""
    with meridian.Shop(tmp_path, edit=meridian.steady) as running:
        yield running.start()


@pytest.fixture
def idle_shop(tmp_path):
    """A shop of the test's own in which nothing runs yet."""
    with meridian.Shop(tmp_path) as idle:
        yield idle
