"""The operator's side: meridian check, explain, status, drain; /metrics, /healthz; the generated reference."""
import json
import re
import subprocess

import meridian


def meridian_command(*arguments, status=0):
    done = subprocess.run([meridian.binaries() / "meridian", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_example_configuration_is_clean(idle_shop):
    for mode in (0o644, 0o664):  # what git and a umask make of it
        (idle_shop.zones / "shop.keys").chmod(mode)
        assert "warning" not in meridian_command("check", idle_shop.config)
    (idle_shop.zones / "shop.keys").chmod(0o666)
    assert "everybody can change the keys" in meridian_command("check", idle_shop.config)
    (idle_shop.zones / "shop.keys").chmod(0o644)
    for program, extra in (("meridian-dns", []), ("meridian-edge", ["--region", "eu"])):
        done = subprocess.run([meridian.binaries() / program, "--config", idle_shop.config, "--check", *extra], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_reference_is_up_to_date():
    assert meridian_command("config-reference") == (meridian.ROOT / "docs/configuration.md").read_text()


def test_explain_agrees_with_the_server_offline_and_online(shop):
    for client, region in (("81.2.69.142", "eu"), ("128.32.1.7", "us-west"), ("192.0.2.9", "us-east")):
        address = shop.edge_address(region)
        offline = meridian_command("explain", shop.config, "--name", "www.shop.example", "--client", client)
        online = meridian_command("explain", "--server", f"{shop.dns_address}:9053", "--name", "www.shop.example", "--client", client)
        for text in (offline, online):
            assert address in text and region in text, text
        assert shop.addresses("www.shop.example", subnet=f"{client}/32") == [address]
    for word in ("scope", "ttl", "geo", "health"):
        assert word in online.lower(), online


def test_drain_and_undrain_a_region(fragile_shop):
    shop = fragile_shop
    server = shop.server("dns")
    assert shop.region_of("192.0.2.0/24") == "us-east"
    meridian_command("drain", "us-east", "--server", server, "--reason", "kernel update")
    meridian.wait_until(lambda: shop.region_of("192.0.2.0/24") == "us-west", "answers left the drained region")
    assert "kernel update" in meridian_command("status", "--server", server)
    # The operator's word survives a restart.
    assert shop.dns.stop() == 0
    shop.start_dns()
    meridian.wait_until(lambda: shop.region_of("192.0.2.0/24") == "us-west", "it is known, and the others are up")
    meridian_command("undrain", "us-east", "--server", server)
    meridian.wait_until(lambda: shop.region_of("192.0.2.0/24") == "us-east", "answers came back")


def test_metrics_are_prometheus_text_and_count(shop):
    sample = re.compile(r'^[a-zA-Z_:][\w:]*(\{(\w+="(\\.|[^"\\])*",?)*\})? [0-9.eE+-]+(inf|nan)?$')
    for who in ("dns", *meridian.REGIONS):
        status, text = shop.admin(who, "/metrics")
        assert status == 200 and "# TYPE " in text
        for line in text.splitlines():
            assert line.startswith("#") or sample.match(line), line
        assert shop.admin(who, "/healthz")[0] == 200
        json.loads(shop.admin(who, "/status")[1])
    before = sum(float(line.split()[-1]) for line in shop.admin("dns", "/metrics")[1].splitlines() if line.startswith("meridian_dns_queries_total"))
    for _ in range(10):
        shop.query("www.shop.example")
    after = sum(float(line.split()[-1]) for line in shop.admin("dns", "/metrics")[1].splitlines() if line.startswith("meridian_dns_queries_total"))
    assert after >= before + 10


def test_changes_on_the_admin_port_are_post_and_not_for_browsers(shop):
    assert shop.admin("dns", "/reload")[0] in (404, 405)
    status, _, _ = meridian.http_get(shop.dns_address, 9053, "/reload", {"Host": "evil.example"}, method="POST")
    assert status >= 400


def test_help_of_every_program():
    for program, words in (("meridian", ["check", "explain", "status"]), ("meridian-dns", ["--config", "--check"]), ("meridian-edge", ["--region", "--config"])):
        done = subprocess.run([meridian.binaries() / program, "--help"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and all(w in done.stdout for w in words)
