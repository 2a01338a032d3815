"""A start after something broke: the last good copy, one broken zone of many, geo databases that were refused; and many zones."""
import os
import shutil
import signal
import socket
import subprocess

import pytest

import meridian
from meridian import wait_until
from test_geo import BASE, MOVED, make
from test_operator import meridian_command

ZONE = "$TTL 60\n@ SOA ns host {serial} 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.53\nhere A {address}\n"


def config_text(shop, extra=""):
    edges = {name: shop.edge_address(name) for name in meridian.REGIONS}
    regions = "".join(f"  {name}: {{edges: [{address}]}}\n" for name, address in edges.items())
    return f"""service: start
state_directory: state
regions:
{regions}health:
  edge: {{kind: tcp, port: 8080, interval: 30s, timeout: 1s, fall: 3, rise: 1}}
admin:
  dns: ["{shop.dns_address}:9053"]
dns:
  listen: ["{shop.dns_address}:5300"]
  workers: 1
  zones: {{shop.example: zones/shop.example.zone, b.example: zones/b.example.zone}}
{extra}"""


GEO = """  geo: {database: geo.mmdb, poll: 200ms, guard: {share: 0.2%}}
  policies:
    p:
      - fence: {AF: [us-east, us-west, eu]}
      - geo: {EU: [eu], NA: [us-west], AF: [us-east]}
      - failover: [us-east, us-west, eu]
  names:
    www.shop.example: {policy: p}
"""


class Node:
    """A DNS server with zones of the test's own that is started and killed; its edges are mere sockets."""

    def __init__(self, shop, extra=""):
        self.shop, self.folder = shop, shop.directory
        self.config = shop.config = shop.directory / "start.yaml"
        self.server = shop.server("dns")
        self.config.write_text(config_text(shop, extra))
        self.sockets = [socket.create_server((shop.edge_address(name), 8080)) for name in meridian.REGIONS]
        self.zone("shop.example", 1, "192.0.2.1")
        self.zone("b.example", 1, "192.0.2.2")

    def zone(self, name, serial, address):
        (self.folder / f"zones/{name}.zone").write_text(ZONE.format(serial=serial, address=address))

    def start(self):
        self.shop.start_dns()
        wait_until(lambda: "event=started " in self.shop.dns.text() and self.shop.admin("dns", "/healthz")[0] == 200, "it serves")

    def started(self):
        """Until the next start could be broken."""
        self.start()
        wait_until(lambda: self.shop.status()["last_good"]["kept"], "the last good copy is complete")

    def kill(self):
        self.shop.dns.signal(signal.SIGKILL)
        self.shop.dns.wait()

    def here(self, zone):
        return self.shop.addresses(f"here.{zone}")

    def close(self):
        for one in self.sockets:
            one.close()

    def refused(self, *flags):
        done = subprocess.run([meridian.binaries() / "meridian-dns", "--config", self.config, *flags], capture_output=True, text=True, timeout=120)
        assert done.returncode == 2, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def node(idle_shop, request):
    running = Node(idle_shop, getattr(request, "param", ""))
    yield running
    running.close()


def test_one_broken_zone_is_its_last_good_copy_and_the_others_are_as_they_are(node):
    node.started()
    node.kill()
    node.zone("shop.example", 2, "192.0.2.11")
    node.zone("b.example", 2, "192.0.2.999")
    node.start()
    assert node.here("shop.example") == ["192.0.2.11"], "good zones are served as they are"
    assert node.here("b.example") == ["192.0.2.2"], "a broken one as it was"
    log = node.shop.dns.text()
    assert "event=config_error" in log and "b.example.zone:5:8" in log and "event=started_although_broken" in log, log
    start = node.shop.status()["start"]
    assert start["zones_from_copy"] == ["b.example."] and "b.example.zone:5:8" in start["problems"][0] and start["copied"], start
    assert node.shop.metric("dns", "meridian_dns_broken_zones", serves="last_good") == 1
    assert node.shop.metric("dns", "meridian_dns_start_problems") == 1
    # What is broken never becomes the copy: the next start is the same.
    node.kill()
    node.start()
    assert node.here("b.example") == ["192.0.2.2"]
    assert "b.example.zone" in meridian_command("reload", "--server", node.server, status=1), "a reload is all or nothing"
    assert "b.example.zone:5:8" in (node.kill(), node.refused("--no-last-good"))[1]
    node.start()
    node.zone("b.example", 3, "192.0.2.22")
    meridian_command("reload", "--server", node.server)
    assert node.here("b.example") == ["192.0.2.22"]
    assert node.shop.status()["start"] == {"serves": "files", "copied": None, "problems": [], "zones_from_copy": [], "zones_left_out": []}
    assert node.shop.metric("dns", "meridian_dns_broken_zones") == 0 and node.shop.metric("dns", "meridian_dns_start_problems") == 0


def test_a_new_zone_that_is_broken_is_left_out(node):
    node.started()
    node.kill()
    node.config.write_text(node.config.read_text().replace("zones: {", "zones: {new.example: zones/new.example.zone, "))
    node.start()
    assert node.here("shop.example") == ["192.0.2.1"]
    assert node.shop.query("here.new.example").rcode() == 5
    assert node.shop.status()["start"]["zones_left_out"] == ["new.example."]
    assert node.shop.metric("dns", "meridian_dns_broken_zones", serves="nothing") == 1


@pytest.mark.parametrize("broken", ["yaml", "option", "include", "missing", "policy"])
def test_a_broken_configuration_is_the_last_good_copy_of_everything(node, broken):
    (node.folder / "more.yaml").write_text("log: {level: info}\n")
    node.config.write_text("include: more.yaml\n" + node.config.read_text())
    (node.folder / "zones/part").write_text("part A 192.0.2.77\n")
    with open(node.folder / "zones/b.example.zone", "a") as zone:
        zone.write("$INCLUDE part\n")
    node.started()
    node.kill()
    good = node.config.read_text()
    node.zone("shop.example", 2, "192.0.2.11")
    os.remove(node.folder / "zones/part")
    if broken == "yaml":
        node.config.write_text(good + "  nsid: [\n")
    elif broken == "option":
        node.config.write_text(good.replace("workers", "wrokers"))
    elif broken == "include":
        (node.folder / "more.yaml").write_text("logg: {}\n")
    elif broken == "policy":
        node.config.write_text(good + "  policies: {p: [{failover: [nowhere]}]}\n")
    if broken == "missing":
        # Then nobody knows of a state directory but the default one: the copy is not found.
        os.remove(node.config)
        assert "start.yaml" in node.refused()
        return
    node.start()
    assert node.here("shop.example") == ["192.0.2.1"], "configuration and zones as they were"
    assert node.shop.addresses("part.b.example") == ["192.0.2.77"], "with what they include"
    start = node.shop.status()["start"]
    assert start["serves"] == "last good copy" and start["problems"] and start["copied"], start
    assert node.shop.metric("dns", "meridian_dns_last_good_configuration") == 1
    assert ("more.yaml:1:1" if broken == "include" else "start.yaml:") in start["problems"][0], start
    assert "event=started_although_broken" in node.shop.dns.text()
    node.kill()
    assert node.refused("--no-last-good")
    node.start()
    node.config.write_text(good)
    (node.folder / "more.yaml").write_text("log: {level: info}\n")
    (node.folder / "zones/part").write_text("part A 192.0.2.78\n")
    meridian_command("reload", "--server", node.server)
    assert node.here("shop.example") == ["192.0.2.11"]
    assert node.shop.metric("dns", "meridian_dns_last_good_configuration") == 0


KEY = "a-key-that-is-long-enough-for-this"


@pytest.mark.parametrize("broken", ["short", "missing"])
def test_a_broken_admin_key_shuts_the_tcp_port_to_changes_and_nothing_else(node, broken):
    key = node.folder / "admin.key"
    key.write_text(KEY + "\n")
    node.config.write_text(node.config.read_text().replace("admin:\n", "admin:\n  key: admin.key\n"))
    post = lambda: meridian.http_get(node.shop.dns_address, 9053, "/reload", {"Authorization": f"Bearer {KEY}"}, method="POST")[0]
    node.started()
    assert post() == 200
    node.kill()
    node.zone("shop.example", 2, "192.0.2.11")
    if broken == "short":
        key.write_text("short\n")
    else:
        os.remove(key)
    assert "admin.key" in node.refused("--no-last-good")
    node.start()
    assert node.here("shop.example") == ["192.0.2.11"], "all else is as the files are now"
    start = node.shop.status()["start"]
    assert "admin.key" in start["problems"][0] and start["serves"] != "last good copy", start
    assert post() in (401, 403), "the old key must not come back"
    assert meridian_command("reload", "--server", node.server, status=1), "a reload is all or nothing"
    key.write_text(KEY + "\n")
    meridian_command("reload", "--server", node.server)
    assert post() == 200 and not node.shop.status()["start"]["problems"]


def test_without_any_copy_a_broken_zone_refuses_the_start(node):
    node.zone("b.example", 2, "192.0.2.999")
    assert "b.example.zone:5:8" in node.refused()


def test_the_copy_follows_good_reloads_only(node):
    def kept():
        """What the manifest says of the zone: a pack that is written before counts for nothing."""
        [line] = [line for line in (node.folder / "state/dns/last-good").read_bytes().splitlines() if b"b.example.zone" in line]
        return line
    node.started()
    before = kept()
    node.zone("b.example", 2, "192.0.2.22")
    meridian_command("reload", "--server", node.server)
    node.zone("b.example", 3, "192.0.2.999")
    meridian_command("reload", "--server", node.server, status=1)
    wait_until(lambda: kept() != before, "it is kept")
    node.kill()
    node.start()
    assert node.here("b.example") == ["192.0.2.22"]


def test_an_upgrade_to_something_broken_is_refused_and_the_old_one_goes_on(node):
    node.started()
    node.zone("b.example", 2, "192.0.2.999")
    assert "b.example.zone:5:8" in node.refused("--upgrade")
    assert node.shop.dns.running() and node.here("b.example") == ["192.0.2.2"]


@pytest.fixture
def steered(idle_shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("databases")
    make(folder / "base", [*BASE, "41.0.0.0/8=AF-ZA"])
    make(folder / "moved", [*MOVED, "41.0.0.0/8=AF-ZA"])
    make(folder / "without", BASE)
    (folder / "broken").write_bytes((folder / "base").read_bytes()[:-200])
    node = Node(idle_shop, GEO)
    node.databases = folder
    put(node, "base")
    yield node
    node.close()


def put(node, name):
    shutil.copy(node.databases / name, node.folder / "new.mmdb")
    os.rename(node.folder / "new.mmdb", node.folder / "geo.mmdb")


def test_a_database_that_was_refused_stays_refused_over_a_restart(steered):
    node, shop = steered, steered.shop
    node.started()
    assert shop.region_of("80.7.7.0/24") == "eu"
    assert "serves    this one" in meridian_command("geo", "lookup", "80.7.7.7", "--config", node.config)
    put(node, "moved")
    wait_until(lambda: shop.status()["geo"]["newer_waits"], "the guard refused")
    told = meridian_command("explain", "--server", node.server, "--name", "www.shop.example", "--client", "80.7.7.7")
    assert "a newer database waits" in told and "eu -> us-west" in told, told
    wait_until(lambda: "waiting " in (node.folder / "state/dns/geo").read_text(), "it is written down")
    node.kill()
    node.start()
    assert shop.region_of("80.7.7.0/24") == "eu", "a restart is no way round the guard"
    geo = shop.status()["geo"]
    assert geo["newer_waits"] and "eu -> us-west" in geo["refused_because"] and "copy" in geo["serves"], geo
    assert shop.metric("dns", "meridian_dns_geo_database_waits") == 1
    told = meridian_command("geo", "lookup", "80.7.7.7", "--config", node.config)
    assert "EU-DE" in told and "waits" in told and "geo.mmdb" in told, told
    meridian_command("reload", "--server", node.server, "--force-geo")
    assert shop.region_of("80.7.7.0/24") == "us-west" and not shop.status()["geo"]["newer_waits"]
    wait_until(lambda: "waiting " not in (node.folder / "state/dns/geo").read_text(), "it is accepted for good")
    node.kill()
    node.start()
    assert shop.region_of("80.7.7.0/24") == "us-west"


def test_a_database_that_comes_while_nothing_runs_meets_the_guard_too(steered):
    node, shop = steered, steered.shop
    node.started()
    node.kill()
    put(node, "moved")
    node.start()
    assert shop.region_of("80.7.7.0/24") == "eu"
    assert "event=geo_database_refused" in shop.dns.text() and shop.status()["geo"]["newer_waits"]
    put(node, "base")
    wait_until(lambda: not shop.status()["geo"]["newer_waits"], "the old file is back")
    node.kill()
    os.utime(node.folder / "geo.mmdb")  # another stamp, the same content
    node.start()
    assert not shop.status()["geo"]["newer_waits"] and shop.region_of("80.7.7.0/24") == "eu"


def test_a_broken_database_at_the_start_is_the_one_accepted_last(steered):
    node, shop = steered, steered.shop
    node.started()
    node.kill()
    put(node, "broken")
    node.start()
    assert shop.region_of("80.7.7.0/24") == "eu"
    start = shop.status()["start"]
    assert "geo.mmdb" in start["problems"][0] and "copy" in shop.status()["geo"]["serves"], start
    node.kill()
    assert "geo.mmdb" in node.refused("--no-last-good")


def test_a_place_that_vanishes_from_a_new_database_blocks_nothing(steered):
    node, shop = steered, steered.shop
    node.started()
    put(node, "without")
    wait_until(lambda: shop.status()["geo"]["taken"] == 2, "the new database is taken")
    log = shop.dns.text()
    assert "geo row AF can never match" in log and "fence row AF can never match" in log and "event=config_warning" in log, log
    node.zone("b.example", 2, "192.0.2.22")
    assert "warning" in meridian_command("reload", "--server", node.server)
    assert node.here("b.example") == ["192.0.2.22"]
    meridian_command("reload", "--server", node.server, "--force-geo")
    wait_until(lambda: "accepted AF" in (node.folder / "state/dns/geo").read_text(), "it is written down")
    node.kill()
    node.start()
    assert shop.region_of("80.7.7.0/24") == "eu" and shop.status()["start"]["serves"] == "files"
    assert "geo row AF can never match" in meridian_command("check", node.config, status=2)
    # A row that has never been good is a mistake.
    node.config.write_text(node.config.read_text().replace("EU: [eu], NA", "OC: [eu], EU: [eu], NA"))
    assert "geo row OC can never match" in meridian_command("reload", "--server", node.server, status=1)


def test_many_zones_start_and_reload(node):
    count = 20_000
    folder = node.folder / "many"
    folder.mkdir()
    for number in range(count):
        (folder / f"z{number}.example.zone").write_text(ZONE.format(serial=1, address="192.0.2.9"))
    node.config.write_text(node.config.read_text() + "  zone_directory: many\n")
    node.started()
    assert node.here(f"z{count - 1}.example") == ["192.0.2.9"]
    for number in range(count):
        (folder / f"z{number}.example.zone").write_text(ZONE.format(serial=0, address="192.0.2.8"))
    told = meridian_command("reload", "--server", node.server)
    assert told.count("the serial goes back") == 1000 and f"{count - 1000} more warnings are left off" in told
    assert node.here("z0.example") == ["192.0.2.8"]
    node.kill()
    (folder / "z7.example.zone").write_text("broken\n")
    node.start()
    assert node.shop.status()["start"]["zones_from_copy"] == ["z7.example."]


def test_variables_of_the_other_role_do_not_stop_a_role(node):
    node.config.write_text(node.config.read_text() + """edge:
  listen: "{edge}:8080"
  access_log: "${MERIDIAN_TEST_NOWHERE}/access.log"
  pools: {web: {servers: ["127.0.0.1:9"]}}
  routes: [{host: "${MERIDIAN_TEST_NOWHERE}", pool: web}]
""")
    text = node.config.read_text().replace("admin:\n", 'admin:\n  edge: ["127.0.0.1:${MERIDIAN_TEST_NOWHERE}"]\n')
    node.config.write_text(text)
    node.start()
    assert node.here("shop.example") == ["192.0.2.1"]
    told = meridian_command("check", node.config, status=2)
    assert told.count("'MERIDIAN_TEST_NOWHERE' is not set") == 3, told


def test_a_reload_of_an_edge_refuses_another_state_directory(fragile_shop):
    shop = fragile_shop
    shop.config.write_text(shop.config.read_text().replace(f"{shop.directory}/state", f"{shop.directory}/elsewhere"))
    for who in ("eu", "dns"):
        status, body = shop.admin(who, "/reload", method="POST")
        assert status == 422 and "state_directory: a change needs a restart" in body, body
