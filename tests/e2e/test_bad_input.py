"""Broken configuration, zone, database: a clear message, exit status 2 at start; at reload the old world goes on."""
import subprocess

import pytest

import meridian


def run(shop, program, *arguments):
    return subprocess.run([meridian.binaries() / program, *arguments], capture_output=True, text=True, timeout=60, cwd=shop.directory)


def break_config(shop, old, new):
    text = shop.config.read_text()
    assert old in text
    shop.config.write_text(text.replace(old, new, 1))


BROKEN_CONFIGS = [
    ("interval: 1s", "intervall: 1s", "did you mean 'interval'"),
    ("interval: 1s", "interval: 1", "no unit"),
    ("fall: 3", "fall: 0", "fall"),
    ("policy: closest", "policy: closets", "did you mean 'closest'"),
    ("EU: [eu]", "EU: [eux]", "eu"),
    ("service: shop", "service: [shop", "shop.yaml:"),
    ("{policy: standby,", "{policy: standby, latency: {},", "latency"),
]


@pytest.mark.parametrize(("old", "new", "told"), BROKEN_CONFIGS)
def test_broken_configuration_is_refused_with_its_place(idle_shop, old, new, told):
    break_config(idle_shop, old, new)
    for program, arguments in (("meridian", ["check", idle_shop.config]), ("meridian-dns", ["--config", idle_shop.config, "--check"]),
                               ("meridian-dns", ["--config", idle_shop.config])):
        done = run(idle_shop, program, *arguments)
        output = done.stdout + done.stderr
        assert done.returncode == 2, output
        assert told in output and "shop.yaml:" in output, output


def test_all_errors_are_reported_at_once(idle_shop):
    break_config(idle_shop, "interval: 1s", "intervall: 1s")
    break_config(idle_shop, "rise: 2}\n  start_wait: 500ms", "rise: two}\n  start_wait: 500")
    break_config(idle_shop, "policy: standby", "policy: standy")
    done = run(idle_shop, "meridian", "check", idle_shop.config)
    output = done.stdout + done.stderr
    assert done.returncode == 2
    for told in ("intervall", "two", "500", "standy"):
        assert told in output, output


def test_edge_refuses_an_unknown_pool_and_an_unknown_region(idle_shop):
    done = run(idle_shop, "meridian-edge", "--config", idle_shop.config, "--region", "mars")
    assert done.returncode == 2 and "mars" in done.stderr + done.stdout
    break_config(idle_shop, "pool: search", "pool: serach")
    done = run(idle_shop, "meridian-edge", "--config", idle_shop.config, "--region", "eu", "--check")
    output = done.stdout + done.stderr
    assert done.returncode == 2 and "did you mean 'search'" in output and "shop.yaml:" in output


BROKEN_ZONES = [
    ("ns1             A       192.0.2.53", "ns1             A       192.0.2.553", ":"),
    ("shop            CNAME   store", "shop            CNAME   store\nshop            A 192.0.2.1", "CNAME"),
    ("@               SOA     ns1 hostmaster ( 2026112201 2h 15m 2w 5m )\n", "", "SOA"),
    ("key             TXT     ( ", "key             TXT     (( ", ":"),
]


@pytest.mark.parametrize(("old", "new", "told"), BROKEN_ZONES)
def test_broken_zone_is_refused_with_file_and_line(idle_shop, old, new, told):
    zone = idle_shop.zones / "shop.example.zone"
    text = zone.read_text()
    assert old in text
    zone.write_text(text.replace(old, new, 1))
    done = run(idle_shop, "meridian-dns", "--config", idle_shop.config)
    output = done.stdout + done.stderr
    assert done.returncode == 2, output
    assert "shop.example.zone" in output and told in output, output


def test_a_doubtful_zone_is_taken_with_warnings(idle_shop):
    """What BIND, NSD and Knot load: the rest of the zone is good all the same."""
    zone = idle_shop.zones / "shop.example.zone"
    text = zone.read_text()
    for line in ("ns.partners     A       203.0.113.53\n", "ns.partners     AAAA    2001:db8:53::53\n"):
        assert line in text
        text = text.replace(line, "")
    zone.write_text(text + "@ NS ns3\nns3 CNAME ns1\nhost.example.org. A 192.0.2.1\n*.star NS ns1\n"
                    "@ DS 1 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n")
    done = run(idle_shop, "meridian-dns", "--config", idle_shop.config, "--check")
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    for told in ("has no glue here", "is an alias", "outside the zone", "NS and DNAME of a wildcard", "DS at the apex"):
        assert told in output, (told, output)


def test_a_signed_zone_is_refused_unless_said_otherwise(idle_shop):
    zone = idle_shop.zones / "shop.example.zone"
    zone.write_text(zone.read_text() + "@ DNSKEY 256 3 13 AAAABBBB\n")
    done = run(idle_shop, "meridian-dns", "--config", idle_shop.config, "--check")
    output = done.stdout + done.stderr
    assert done.returncode == 2 and "shop.example. is signed" in output and "shop.example.zone:" in output, output
    break_config(idle_shop, "  geo: {database", "  signed_zones: warn\n  geo: {database")
    done = run(idle_shop, "meridian-dns", "--config", idle_shop.config, "--check")
    output = done.stdout + done.stderr
    assert done.returncode == 0 and "warning: shop.example. is signed" in output, output


def test_missing_files_are_named(idle_shop):
    (idle_shop.zones / "shop.example.zone").unlink()
    done = run(idle_shop, "meridian-dns", "--config", idle_shop.config)
    output = done.stdout + done.stderr
    assert done.returncode == 2 and "shop.example.zone" in output and "shop.yaml:" in output and "SOA" not in output, output
    done = run(idle_shop, "meridian-dns", "--config", idle_shop.directory / "nowhere.yaml")
    assert done.returncode == 2 and "nowhere.yaml" in done.stdout + done.stderr


def damaged_databases(good):
    data = good.read_bytes()
    yield "truncated", data[: len(data) // 2]
    yield "empty", b""
    yield "text", b"this is no database\n" * 100
    yield "corrupt", data[:1000] + bytes(255 - b for b in data[1000:60000]) + data[60000:]
    yield "metadata", data[:-200]


@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "corrupt", "metadata", "asn"])
def test_damaged_database_is_refused_at_start(idle_shop, kind):
    broken = idle_shop.directory / "broken.mmdb"
    if kind == "asn":
        meridian.make_asn_database(broken)
    else:
        broken.write_bytes(dict(damaged_databases(meridian.geo_database("city.mmdb")))[kind])
    break_config(idle_shop, str(meridian.geo_database("city.mmdb")), str(broken))
    done = run(idle_shop, "meridian-dns", "--config", idle_shop.config)
    output = done.stdout + done.stderr
    assert done.returncode == 2, output
    assert "broken.mmdb" in output, output


def test_failed_reload_leaves_the_old_world(steady_shop):
    shop = steady_shop
    good = {path: path.read_bytes() for path in (shop.config, shop.zones / "shop.example.zone")}
    before = shop.region_of("192.0.2.0/24")
    first = shop.status()
    broken = shop.directory / "broken.mmdb"
    broken.write_bytes(meridian.geo_database("city.mmdb").read_bytes()[:5000])
    for path, old, new, said in ((shop.config, b"policy: closest", b"policy: closets", ("shop.yaml:", "closets")),
                                 (shop.zones / "shop.example.zone", b"192.0.2.53", b"192.0.2.553", ("shop.example.zone:", "192.0.2.553")),
                                 (shop.config, str(meridian.geo_database("city.mmdb")).encode(), str(broken).encode(), ("broken.mmdb",))):
        assert old in good[path]
        path.write_bytes(good[path].replace(old, new, 1))
        status, body = shop.admin("dns", "/reload", method="POST")
        assert status == 422 and all(words in body for words in said), (status, body)
        assert shop.region_of("192.0.2.0/24") == before
        assert shop.addresses("ns1.shop.example") == ["192.0.2.53"]
        path.write_bytes(good[path])
    now = shop.status()
    assert now["configured"] == first["configured"] and now["reloads_refused"] == first["reloads_refused"] + 3
    status, body = shop.admin("dns", "/reload", method="POST")
    assert status == 200, body
    assert shop.status()["generation"] > now["generation"]


def test_failed_edge_reload_leaves_the_old_world(fragile_shop):
    shop = fragile_shop
    good = shop.config.read_text()
    shop.config.write_text(good.replace("pool: search", "pool: serach"))
    status, body = shop.admin("eu", "/reload", method="POST")
    assert status >= 400 and "serach" in body
    assert shop.edge_get("eu", "/search/")[0] == 200
    shop.config.write_text(good.replace("path: /search/", "path: /find/"))
    status, body = shop.admin("eu", "/reload", method="POST")
    assert status == 200, body
    assert b"search" in shop.edge_get("eu", "/find/")[2]


def test_listener_change_needs_a_restart(fragile_shop):
    shop = fragile_shop
    good = shop.config.read_text()
    shop.config.write_text(good.replace(":5300", ":5301"))
    status, body = shop.admin("dns", "/reload", method="POST")
    assert status >= 400 and "restart" in body
    shop.config.write_text(good.replace('{edge}:8080"', '{edge}:8081"'))
    status, body = shop.admin("us-east", "/reload", method="POST")
    assert status >= 400 and "restart" in body


def test_second_instance_on_the_same_addresses_is_an_error(fragile_shop):
    done = run(fragile_shop, "meridian-dns", "--config", fragile_shop.config)
    assert done.returncode != 0
    done = run(fragile_shop, "meridian-edge", "--config", fragile_shop.config, "--region", "eu")
    assert done.returncode != 0
    assert fragile_shop.region_of("192.0.2.0/24") == "us-east"
