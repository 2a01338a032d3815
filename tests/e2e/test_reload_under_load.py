"""200 reloads of each server while real load runs: no query is lost, no request fails."""
import contextlib
import re
import signal
import subprocess

import pytest

import meridian


LONGER_THAN_ANY_TEST = 7200  # seconds; the test ends the load itself


def dnsperf(shop):
    names = shop.directory / "queries"
    names.write_text("www.shop.example A\napi.shop.example A\nns1.shop.example A\nnothing.shop.example A\nshop.example MX\n")
    return subprocess.Popen(["dnsperf", "-s", shop.dns_address, "-p", "5300", "-d", names, "-l", str(LONGER_THAN_ANY_TEST), "-Q", "3000", "-c", "8", "-t", "30"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wrk(shop, region):
    return subprocess.Popen(["wrk", "-t1", "-c16", f"-d{LONGER_THAN_ANY_TEST}s", "--timeout", "60s", "-H", "Host: www.shop.example",
                             f"http://{shop.edge_address(region)}:8080/api/items"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextlib.contextmanager
def running(load):
    """Whatever happens, the load ends with the test."""
    try:
        yield load
    finally:
        load.kill()
        load.wait()


def finish(load):
    """The report that the load generator prints when it is interrupted."""
    load.send_signal(signal.SIGINT)
    return load.communicate(timeout=60)[0]


def reload_200_times(shop, who, load):
    for _ in range(200):
        status, body = shop.admin(who, "/reload", method="POST")
        assert status == 200, body
    assert load.poll() is None, "the load ended before the reloads"


@pytest.mark.load
def test_dns_reloads_lose_no_query(fragile_shop):
    shop = fragile_shop
    before = shop.status()["generation"]
    with running(dnsperf(shop)) as load:
        reload_200_times(shop, "dns", load)
        output = finish(load)
    assert int(re.search(r"Queries completed:\s+(\d+)", output).group(1)) > 1000, output
    assert int(re.search(r"Queries lost:\s+(\d+)", output).group(1)) == 0, output
    assert "SERVFAIL" not in output and "REFUSED" not in output, output
    assert shop.status()["generation"] >= before + 200


@pytest.mark.load
def test_edge_reloads_fail_no_request(fragile_shop):
    shop = fragile_shop
    with running(wrk(shop, "eu")) as load:
        reload_200_times(shop, "eu", load)
        output = finish(load)
    assert int(re.search(r"(\d+) requests in", output).group(1)) > 1000, output
    assert "Socket errors" not in output and "Non-2xx" not in output, output


def test_sighup_reloads_and_sigterm_ends_cleanly(fragile_shop):
    shop = fragile_shop
    for who, process in (("dns", shop.dns), ("eu", shop.edge("eu"))):
        before = shop.status(who)["generation"]
        process.signal(signal.SIGHUP)
        meridian.wait_until(lambda who=who, before=before: shop.status(who)["generation"] > before, f"{who} reloaded")
    zone = shop.zones / "shop.example.zone"
    zone.write_text(zone.read_text().replace("192.0.2.53", "192.0.2.54").replace("2026112201", "2026112202"))
    shop.dns.signal(signal.SIGHUP)
    meridian.wait_until(lambda: shop.addresses("ns1.shop.example") == ["192.0.2.54"], "the new zone is served")
    assert shop.dns.stop() == 0
    assert shop.edge("eu").stop() == 0
