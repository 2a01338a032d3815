"""The larger lab: a parent zone on nsd that delegates to two meridian-dns, unbound as the users' resolver, the edges of three regions,
two of them in one, a Prometheus; deployed with the playbooks from nothing. Then what the users of that resolver notice: mistakes that are
pushed, a new region, a DNS node, an edge and a region lost, a roll of everything; and the words of an operator on a node. In this order:
each test goes on where the one before it has left the hosts. For `tools/lab regions`; figures go to standard output and to
build/lab.log."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
import yaml

import certificates
import hosts
import processes
from test_ansible import ANSIBLE, Site

EDGES = {"eu-1": ("eu", "10.88.2.1"), "eu-2": ("eu", "10.88.2.2"), "us-1": ("us-east", "10.88.3.1"), "ap-1": ("ap-south", "10.88.4.1")}
NODES = {"ns1": "10.88.1.1", "ns2": "10.88.1.2"}
DETECTION = 3 * 1 + 0.9  # fall x interval + timeout of health.edge, as docs/operations.md says
TTL_MAX = 30
SLOW = 6  # of a machine that is busy with eight hosts
MONITOR, PARENT, RESOLVER = "10.88.5.1", "10.88.6.1", "10.88.7.1"
NAME = "www.example.com"
HERE = pathlib.Path(__file__).parent

pytestmark = pytest.mark.skipif(os.environ.get("MERIDIAN_LAB") != "regions", reason="tools/lab regions runs this")


def note(text):
    """A figure, for who runs the lab."""
    print(text)
    with open(hosts.ROOT / "build/lab.log", "a") as log:
        log.write(text + "\n")


class Regions(Site):
    """The hosts, the parent and the resolver."""

    def versions(self):
        return {name: host.run("dpkg-query -W -f '${Version}' meridian-tools") for name, host in self.hosts.items() if name != "mon"}

    def dig(self, server=RESOLVER, name=NAME):
        return subprocess.run(self.lab.inside("dig", "+short", "+time=3", "+tries=2", f"@{server}", name), capture_output=True, text=True).stdout.split()

    def goes_to(self, *names, server=RESOLVER, seconds=120):
        """Waits until users are sent to these edges and no others."""
        began, wanted = time.monotonic(), sorted(EDGES[name][1] for name in names)
        processes.eventually(lambda: sorted(self.dig(server)) == wanted, f"users are sent to {names}", seconds)
        return time.monotonic() - began

    @contextlib.contextmanager
    def watched(self):
        """What the nodes and the resolver answer meanwhile: server -> changes, as answer_watcher.py tells them."""
        watcher = subprocess.Popen(self.lab.inside("/usr/bin/python3", HERE / "answer_watcher.py", NAME, RESOLVER, *NODES.values()),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        changes = {}
        try:
            yield changes
        finally:
            out, _ = watcher.communicate("", timeout=60)
            changes.update(json.loads(out))

    @contextlib.contextmanager
    def users(self, pause=0.01):
        """Somebody who asks all the time; afterwards `told` says how it went."""
        asker = subprocess.Popen(self.lab.inside("/usr/bin/python3", HERE / "resolving_asker.py", RESOLVER, NAME, str(pause)),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = {}
        try:
            yield told
        finally:
            out, _ = asker.communicate("", timeout=60)
            told.update(json.loads(out))

    def prometheus(self, query):
        out = hosts.call(*self.lab.inside("curl", "-sG", f"http://{MONITOR}:9090/api/v1/query", "--data-urlencode", f"query={query}"))
        return json.loads(out)["data"]["result"]

    def write_hosts(self, edges):
        def of(name, address, **more):
            return {name: {"ansible_host": address, "meridian_address": address, **more}}
        inventory = {"all": {
            "vars": {"ansible_user": "root", "ansible_ssh_private_key_file": str(self.folder / "key"),
                     "ansible_ssh_common_args": f"-o StrictHostKeyChecking=no -o UserKnownHostsFile={self.folder}/known -o ControlPath={self.folder}/%h"},
            "children": {"dns": {"hosts": {k: v for name, address in NODES.items() for k, v in of(name, address).items()}},
                         "canary": {"hosts": {"eu-1": None}},
                         "edge": {"hosts": {k: v for name in edges for k, v in of(name, EDGES[name][1], meridian_region=EDGES[name][0]).items()}},
                         "monitoring": {"hosts": of("mon", MONITOR)}}}}
        (self.inventory / "hosts.yml").write_text(yaml.safe_dump(inventory))

    def variables(self, edit):
        path = self.inventory / "group_vars/all/meridian.yml"
        path.write_text(edit(path.read_text()))


def boot_all(lab, folder):
    booted = {name: lab.boot(name, address) for name, address in NODES.items()}
    booted |= {name: lab.boot(name, address) for name, (_, address) in EDGES.items()}
    booted["mon"] = lab.boot("mon", MONITOR, more=("prometheus", "python3-apt"))
    for name, host in booted.items():
        host.put("/root/.ssh/authorized_keys", (folder / "key.pub").read_text(), 0o600)
        host.put("/srv/index.html", f"from {name}")
        host.put("/srv/health", "well")
    for name, host in booted.items():
        host.wait(300)
        if name in EDGES:
            host.run("systemd-run --unit backend -p StandardError=null -p StandardOutput=null python3 -m http.server 8080 --bind 127.0.0.1 -d /srv 2>&1")
    # An operator's key, so that a node reaches the other one's admin port by ssh.
    for name in NODES:
        booted[name].put("/root/.ssh/id_ed25519", (folder / "key").read_text(), 0o600)
        booted[name].put("/root/.ssh/config", "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n", 0o600)
    for name in NODES:
        shutil.copy(hosts.ROOT / "build/geo/country.mmdb", booted[name].root / "root/country.mmdb")
    return booted


def settings(inventory, folder):
    """The example's variables for the addresses of the lab: https, too, and a name server for each node."""
    variables = inventory / "group_vars/all/meridian.yml"
    text = variables.read_text().replace("  us-west: {location: [45.59, -121.18]}\n", "").replace("[us-east, us-west, eu]", "[eu, us-east]")
    text = re.sub(r"        us-west: .*\n", "", text)
    text = re.sub(r"(        (?:us-east|eu): \[\{address: ).*", r'\1"127.0.0.1:8080"}]', text)
    text = text.replace("timeout: 500ms", "timeout: 900ms").replace("192.0.2.0/24", "10.88.0.0/16")
    text = text.replace("meridian_dns:\n", "meridian_dns:\n  geo: {database: /var/lib/meridian/geo/country.mmdb}\n")
    text = text.replace('    - {address: "{edge}:80", protocol: http}\n', '    - {address: "{edge}:80", protocol: http}\n'
                        '    - {address: "{edge}:443", protocol: https, certificates: [{certificate: keys/site.pem, key: keys/site.key}]}\n')
    text = text.replace('  keys/customers: "{{ vault_api_keys }}"\n', '  keys/customers: "{{ vault_api_keys }}"\n'
                        '  keys/site.pem: "{{ vault_certificate }}"\n  keys/site.key: "{{ vault_certificate_key }}"\n')
    variables.write_text(text)
    site = certificates.Authority(folder).issue(NAME)
    vault = inventory / "group_vars/all/vault.yml"
    vault.write_text(vault.read_text() + yaml.safe_dump({"vault_certificate": pathlib.Path(site.certificate).read_text(),
                                                         "vault_certificate_key": pathlib.Path(site.key).read_text()}, default_style="|"))
    zone = inventory / "zones/example.com.zone"
    zone.write_text(zone.read_text().replace("192.0.2.53", NODES["ns1"]).replace("198.51.100.53", NODES["ns2"]))
    common = inventory / "group_vars/all/main.yml"
    common.write_text(common.read_text() + f"meridian_check_command: {hosts.BIN}/meridian\nmeridian_check_database: {hosts.ROOT}/build/geo/country.mmdb\n"
                      "meridian_roll: {watch: 1, grace: 9}\ngeo_source: file:///root/country.mmdb\nmonitoring_interval: 2s\n")


def run_parent(lab, folder):
    """nsd with `com`, which delegates the service's zone; unbound, which knows where `com` is and nothing else."""
    (folder / "com.zone").write_text("$ORIGIN com.\n$TTL 300\n@ SOA ns.parent hostmaster 1 3600 600 86400 60\n@ NS ns.parent\n"
                                     f"ns.parent A {PARENT}\nexample NS ns1.example\nexample NS ns2.example\n"
                                     + "".join(f"{name}.example A {address}\n" for name, address in NODES.items()))
    (folder / "nsd.conf").write_text(f'server:\n ip-address: {PARENT}\n username: ""\n chroot: ""\n zonesdir: {folder}\n database: ""\n pidfile: ""\n xfrdfile: ""\n'
                                     f' zonelistfile: {folder}/zonelist\n xfrdir: {folder}\n server-count: 1\nremote-control:\n control-enable: no\nzone:\n name: com\n zonefile: com.zone\n')
    (folder / "unbound.conf").write_text(f'server:\n interface: {RESOLVER}\n access-control: 10.88.0.0/16 allow\n username: ""\n chroot: ""\n directory: "{folder}"\n pidfile: ""\n'
                                         ' use-syslog: no\n module-config: "iterator"\n num-threads: 1\n do-ip6: no\n infra-host-ttl: 60\n'
                                         f'remote-control:\n control-enable: no\nstub-zone:\n name: com\n stub-addr: {PARENT}\n')
    parent, resolver = lab.wire("parent", PARENT), lab.wire("resolver", RESOLVER)
    return [subprocess.Popen(parent.inside("nsd", "-d", "-c", folder / "nsd.conf"), stderr=open(folder / "nsd.log", "w")),
            subprocess.Popen(resolver.inside("unbound", "-d", "-c", folder / "unbound.conf"), stderr=open(folder / "unbound.log", "w"))]


@pytest.fixture(scope="module", name="site")
def a_site(lab, packages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("regions")
    shutil.copytree(ANSIBLE / "inventory/example", folder / "inventory")
    hosts.call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")
    settings(folder / "inventory", folder)
    running = run_parent(lab, folder)
    site = Regions(lab, boot_all(lab, folder), folder / "inventory", packages, folder)
    site.write_hosts(["eu-1", "eu-2", "us-1"])
    yield site
    for process in running:
        process.terminate()
        process.wait(10)


def test_check_mode_on_bare_hosts_passes(site):
    site.good("site.yml", "--check", "--limit", "mon,ns1")


def test_bare_hosts_become_two_regions_behind_a_resolver(site):
    began = time.monotonic()
    site.good("site.yml")
    note(f"site.yml from bare hosts: {time.monotonic() - began:.0f} s")
    site.goes_to("eu-1", "eu-2")
    assert hosts.call(*site.lab.inside("curl", "-s", f"http://{EDGES['eu-1'][1]}/")) == "from eu-1"
    assert hosts.call(*site.lab.inside("curl", "-sk", f"https://{EDGES['us-1'][1]}/")) == "from us-1"
    hosts.call(*site.lab.inside(hosts.BIN / "meridian", "zone", "check", "example.com", "--server", NODES["ns1"], "--server", NODES["ns2"]))


def test_a_second_run_changes_nothing(site):
    said, changed = site.good("site.yml")
    assert set(changed.values()) == {0} and set(changed) >= {"ns1", "ns2", "eu-1", "us-1", "mon"}, said[-6000:]


def test_the_roles_geo_and_monitoring_have_run(site):
    for name in NODES:
        assert site.hosts[name].run("systemctl is-active meridian-geo.timer").strip() == "active"
        assert "GB" in site.hosts[name].run("meridian geo lookup 81.2.69.142 --config /etc/meridian/meridian.yaml")
    processes.eventually(lambda: sorted(r["metric"]["node"] for r in site.prometheus("up == 1") if "node" in r["metric"]) == ["eu-1", "eu-2", "ns1", "ns2", "us-1"],
                         "Prometheus scrapes all of them", 60)
    rules = json.loads(hosts.call(*site.lab.inside("curl", "-s", f"http://{MONITOR}:9090/api/v1/rules")))["data"]["groups"]
    assert all(rule["health"] in ("ok", "unknown") for group in rules for rule in group["rules"]) and rules


def test_a_mistake_is_told_with_its_line_and_reaches_nobody(site):
    variables, before = site.inventory / "group_vars/all/meridian.yml", site.pids()
    good = variables.read_text()
    variables.write_text(good.replace("failover: [eu, us-east]", "failover: [eu, us-eastt]"))
    status, said, _ = site.play("site.yml", "--limit", "dns")
    variables.write_text(good)
    assert status != 0
    line = good[:good.index("failover: [eu")].count("\n") + 1
    told = re.search(rf"group_vars/all/meridian.yml:{line}: .*us-eastt.*did you mean 'us-east'", said)
    assert told, said[-4000:]
    note(f"a mistake: {told.group(0)[:160]}")
    assert site.pids() == before and all("us-eastt" not in site.hosts[node].run("cat /etc/meridian/meridian.yaml") for node in NODES)


def test_a_bad_certificate_is_told_with_its_line_and_reaches_nobody(site):
    vault = site.inventory / "group_vars/all/vault.yml"
    good, before = vault.read_text(), site.pids()
    vault.write_text(re.sub(r"vault_certificate\"?: \|-?\n  -----BEGIN CERTIFICATE-----\n  \S+", lambda found: found.group(0)[:-40], good))
    assert vault.read_text() != good
    status, said, _ = site.play("site.yml", "--limit", "edge")
    vault.write_text(good)
    assert status != 0
    told = re.search(r"group_vars/all/meridian.yml:(\d+): .*(certificate|site\.pem).*", said)
    assert told, said[-4000:]
    lines = (site.inventory / "group_vars/all/meridian.yml").read_text().splitlines()
    assert "site.pem" in lines[int(told.group(1)) - 1], told.group(0)
    note(f"a bad certificate: {told.group(0)[:160]}")
    assert site.pids() == before


def test_a_dns_node_is_lost_and_the_resolver_goes_on(site):
    site.goes_to("eu-1", "eu-2")
    with site.users() as told:
        time.sleep(3)
        site.hosts["ns1"].cut()
        time.sleep(45)  # longer than the resolver keeps any answer
        site.hosts["ns1"].cut("up")
        time.sleep(3)
    note(f"ns1 cut off for 45 s: {told['requests']} requests, {len(told['failures'])} failed, longest without a page {told['longest_gap']} s")
    assert told["failures"] == [] and told["requests"] > 100, told


def test_one_edge_of_a_region_is_lost_and_the_other_serves(site):
    with site.users() as told, site.watched() as changes:
        time.sleep(3)
        cut = time.monotonic()
        site.hosts["eu-1"].cut()
        site.goes_to("eu-2")
        site.hosts["eu-1"].cut("up")
        site.goes_to("eu-1", "eu-2")
        time.sleep(3)
    note(f"one of two edges cut off: gone from the nodes' answers after {left_after(changes, cut)} s; {told['requests']} requests, {len(told['failures'])} failed, "
         f"longest without a page {told['longest_gap']} s")
    assert set(told["by"]) == {EDGES["eu-1"][1], EDGES["eu-2"][1]}, "nobody left the region"
    assert len(told["failures"]) <= 1, "at most what was at the dead edge then: a browser repeats it"


def left_after(changes, cut, servers=tuple(NODES.values())):
    """Seconds from the cut to the first other answer of each."""
    return [round(next(change[0] for change in changes[server] if change[0] > cut) - cut, 1) for server in servers]


def test_a_region_is_cut_off_and_users_are_served_by_the_next(site):
    site.goes_to("eu-1", "eu-2")
    with site.users() as told, site.watched() as changes:
        time.sleep(3)
        cut = time.monotonic()
        for name in ("eu-1", "eu-2"):
            site.hosts[name].cut()
        site.goes_to("us-1")
        time.sleep(5)
        back = time.monotonic()
        for name in ("eu-1", "eu-2"):
            site.hosts[name].cut("up")
        home = site.goes_to("eu-1", "eu-2")
        time.sleep(3)
    nodes = left_after(changes, cut)
    resolver = left_after(changes, cut, [RESOLVER])[0]
    first = next(at for at, address in told["served"] if address == EDGES["us-1"][1]) + told["began"] - cut
    note(f"region eu cut off: gone from the nodes' answers after {nodes} s, from the resolver's after {resolver} s, the first page from us-east after {first:.1f} s, "
         f"{len(told['failures'])} of {told['requests']} requests failed; home {home:.1f} s after the cable, {back - cut:.0f} s later")
    us = EDGES["us-1"][1]
    assert all(changes[server][-1][1] == sorted([EDGES["eu-1"][1], EDGES["eu-2"][1]]) for server in changes)
    assert set(told["by"]) == {us, EDGES["eu-1"][1], EDGES["eu-2"][1]}
    assert max(nodes) < DETECTION + SLOW, changes
    assert resolver < DETECTION + TTL_MAX + SLOW, changes
    assert len(told["failures"]) < 30, told["failures"]


def test_an_operators_word_reaches_every_node(site):
    ns1 = site.hosts["ns1"]
    said = ns1.run("meridian drain eu --all --state down --reason 'a test' --expires 5m 2>&1")
    note("meridian drain eu --all: " + "; ".join(said.strip().splitlines()))
    assert all(re.search(rf"^{node}\b", said, re.MULTILINE) for node in NODES), said
    for node in NODES.values():
        site.goes_to("us-1", server=node)
    site.hosts["ns2"].cut()
    lost = ns1.try_run("meridian undrain eu --all 2>&1")
    site.hosts["ns2"].cut("up")
    assert lost.returncode == 1 and "ns2" in lost.stdout, "who was not reached is told"
    site.goes_to("eu-1", "eu-2", server=NODES["ns1"])
    ns1.run("meridian undrain eu --all 2>&1")
    site.goes_to("eu-1", "eu-2", server=NODES["ns2"])


def test_a_node_goes_back_to_what_served(site):
    ns1 = site.hosts["ns1"]
    good, before = ns1.run("cat /etc/meridian/meridian.yaml"), site.pids()
    ns1.run("echo 'nonsense: 1' >> /etc/meridian/meridian.yaml")
    refused = ns1.try_run("meridian reload 2>&1")
    assert refused.returncode != 0 and "nonsense" in refused.stdout
    said = ns1.run("meridian rollback 2>&1")
    note("meridian rollback: " + "; ".join(said.strip().splitlines()))
    assert ns1.run("cat /etc/meridian/meridian.yaml") == good and site.pids() == before
    ns1.run("meridian check /etc/meridian/meridian.yaml && meridian reload")


def test_a_third_region_is_added_and_nobody_notices(site):
    site.write_hosts(list(EDGES))
    site.variables(lambda text: text.replace("  eu: {location", "  ap-south: {location: [19.08, 72.88]}\n  eu: {location")
                   .replace("failover: [eu, us-east]", "failover: [eu, us-east, ap-south]")
                   .replace('        eu: [{address: "127.0.0.1:8080"}]', '        eu: [{address: "127.0.0.1:8080"}]\n        ap-south: [{address: "127.0.0.1:8080"}]'))
    with site.users() as told:
        site.good("add-region.yml", "-e", "region=ap-south")
    note(f"add-region.yml under load: {told['requests']} requests, {len(told['failures'])} failed, longest without a page {told['longest_gap']} s")
    assert told["failures"] == [] and told["requests"] > 100, told
    assert hosts.call(*site.lab.inside("curl", "-s", f"http://{EDGES['ap-1'][1]}/")) == "from ap-1"
    for node in NODES.values():
        site.goes_to("eu-1", "eu-2", server=node)


def test_a_new_version_rolls_over_everything_and_nobody_notices(site):
    queries = site.folder / "queries"
    queries.write_text(f"{NAME} A\nexample.com SOA\n")
    perf = subprocess.Popen(site.lab.inside("dnsperf", "-s", RESOLVER, "-d", queries, "-Q", "100", "-l", "3600"), stdout=subprocess.PIPE, text=True)
    began = time.monotonic()
    with site.users() as told:
        said, _ = site.good("rolling.yml", version="1.1")
    perf.send_signal(2)
    counted = perf.communicate(timeout=30)[0]
    lost = int(re.search(r"Queries lost:\s+(\d+)", counted).group(1))
    sent = int(re.search(r"Queries sent:\s+(\d+)", counted).group(1))
    note(f"rolling.yml, {len(EDGES)} edges and 2 DNS nodes: {time.monotonic() - began:.0f} s, {told['requests']} requests, {len(told['failures'])} failed, "
         f"served by {told['by']}; {sent} queries, {lost} lost")
    assert told["failures"] == [] and told["requests"] > 100, told
    assert lost == 0, counted
    assert set(site.versions().values()) == {"1.1"}
    assert said.index("TASK [Roll this edge] ***") < said.index("PLAY [DNS nodes]")


def test_a_bad_package_is_rolled_back_at_the_first_host(site):
    folder = site.version("1.2")
    bad = next(folder.glob("meridian-edge_*.deb"))
    hosts.call("dpkg-deb", "-R", bad, folder / "tree")
    (folder / "tree/usr/bin/meridian-edge").write_text("#!/bin/sh\nexit 1\n")
    hosts.call("dpkg-deb", "-Znone", "-b", folder / "tree", bad)
    shutil.rmtree(folder / "tree")
    before = site.pids()
    with site.users() as told:
        status, said, _ = site.play("rolling.yml", version="1.2")
    assert status != 0 and "eu-1 failed and has been rolled back to 1.1; nothing else was touched" in said, said[-6000:]
    note(f"a bad package: eu-1 failed and has been rolled back to 1.1; {told['requests']} requests, {len(told['failures'])} failed")
    assert set(site.versions().values()) == {"1.1"} and told["failures"] == [], told
    assert {name: pid for name, pid in site.pids().items() if name != "eu-1"} == {name: pid for name, pid in before.items() if name != "eu-1"}
