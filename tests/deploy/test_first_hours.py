"""What a new user types: the commands of the pages, as they stand there, on hosts that have never seen Meridian. One machine from the
packages to a served request, in every run; the tutorial with its five hosts and its addresses, by `tools/lab tutorial`."""
import os
import re
import shutil
import subprocess
import time

import pytest

import hosts
import processes

NODES = {"ns1": "192.0.2.53", "ns2": "198.51.100.53"}
EDGES = {"us-east-1": "192.0.2.11", "us-west-1": "198.51.100.11", "eu-1": "203.0.113.11"}
BACKENDS = ("10.1.0.10", "10.1.0.11", "10.2.0.10", "10.3.0.10")
tutorial = pytest.mark.skipif(os.environ.get("MERIDIAN_LAB") != "tutorial", reason="tools/lab tutorial runs this")


def commands(page, title):
    """The first block of commands under a title of a page, as one script."""
    text = (hosts.ROOT / "docs" / page).read_text()
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found and not re.search(r"^#+ ", found.group(1), re.MULTILINE), f"{page}: {title}"
    return found.group(2)


def type_in(host, script):
    """What the host answers to the commands, one after the other; each must succeed."""
    return host.run("cd /root && set -e\n" + script)


def give(host, packages):
    for path in packages.values():
        shutil.copy(path, host.root / "root" / path.name)


def test_one_machine_from_the_packages_to_a_served_request(lab, packages):
    try:
        host = lab.boot("first", "10.88.0.3").wait()
    except hosts.HostError as error:
        pytest.skip(f"no host boots on this machine: {error}")
    give(host, packages)
    said = type_in(host, commands("operations.md", "From the packages to a served request, on one machine"))
    assert "trial/meridian.yaml: good" in said
    assert re.search(r"^127\.0\.0\.2$", said, re.MULTILINE), said
    assert "Directory listing for /" in said, "a page of the web server"
    assert "here" in said and "127.0.0.1:8000" in said.split("Directory listing")[-1], "what both servers think"
    # And three in the morning: a mistake that was refused, and the way back.
    good = host.run("cat /etc/meridian/meridian.yaml")
    host.run("echo 'nonsense: 1' >> /etc/meridian/meridian.yaml")
    refused = host.try_run("meridian reload 2>&1")
    assert refused.returncode != 0 and re.search(r"meridian.yaml:\d+:1: error: .*'nonsense'", refused.stdout), refused.stdout
    assert "back to what serves" in host.run("meridian rollback 2>&1")
    assert host.run("cat /etc/meridian/meridian.yaml") == good
    host.run("meridian reload 2>&1 && dig @127.0.0.1 www.example.com +short | grep -qx 127.0.0.2")
    host.stop()


@pytest.fixture(scope="module", name="site")
def a_site(lab, packages):
    """The tutorial's hosts, at its addresses: every address is at the one bridge."""
    hosts.call("ip", "-n", lab.name, "route", "add", "default", "dev", "br0")
    booted = {name: lab.boot(name, address) for name, address in {**NODES, **EDGES}.items()}
    backends = lab.wire("backends", *BACKENDS)
    for host in lab.hosts.values():
        hosts.call("ip", "-n", host.netns, "route", "add", "default", "dev", "host0")
    folder = lab.folder / "web"
    folder.mkdir()
    (folder / "index.html").write_text("from your web server")
    serving = subprocess.Popen(backends.inside("/usr/bin/python3", "-m", "http.server", "8080", "-d", folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hosts.call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", lab.folder / "key")
    for host in booted.values():
        give(host.wait(300), packages)
        host.put("/root/.ssh/authorized_keys", (lab.folder / "key.pub").read_text(), 0o600)
        host.put("/root/.ssh/id_ed25519", (lab.folder / "key").read_text(), 0o600)
        host.put("/root/.ssh/config", "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n", 0o600)
    yield booted
    serving.terminate()
    serving.wait(10)


def dig(lab, node, name="www.example.com"):
    return subprocess.run(lab.inside("dig", "+short", "+time=3", f"@{node}", name), capture_output=True, text=True).stdout.split()


@tutorial
def test_the_configuration_is_written_and_good(site):
    desk = site["ns1"]
    type_in(desk, "apt install -y ./meridian-tools_*.deb")
    said = type_in(desk, commands("tutorial.md", "1. Write the configuration") + "meridian config-schema > my-service/meridian.schema.json\n")
    assert "my-service/meridian.yaml: good" in said
    for host in site.values():
        for name in ("meridian.yaml", "example.com.zone"):
            host.put(f"/root/{name}", (desk.root / "root/my-service" / name).read_text())


@tutorial
def test_the_edges_are_brought_up(site):
    for name, address in EDGES.items():
        script = commands("tutorial.md", "2. Bring up the edges").replace("apt install", "apt install -y")
        curl = script.rindex("curl")
        type_in(site[name], script[:curl].replace(EDGES["us-east-1"], address))
        processes.eventually(lambda: "from your web server" in site[name].try_run(script[curl:].replace(EDGES["us-east-1"], address)).stdout, f"{name} serves", 30)


@tutorial
def test_the_dns_nodes_are_brought_up(site, lab):
    for name, address in NODES.items():
        script = commands("tutorial.md", "3. Bring up the DNS nodes").replace("apt install", "apt install -y").replace(NODES["ns1"], address)
        said = type_in(site[name], script)
        processes.eventually(lambda: dig(lab, address) == [EDGES["us-east-1"]], f"{name} answers", 30)
        assert all(region in said for region in ("us-east", "us-west", "eu")), said


@tutorial
def test_the_delegation_is_checked(site):
    said = type_in(site["ns1"], commands("tutorial.md", "4. Delegate the zone"))
    assert all(f"ns{n}.example.com" in said and address in said for n, address in zip((1, 2), NODES.values())), said


@tutorial
def test_a_region_fails_over(site, lab):
    drain, ask, undrain = commands("tutorial.md", "5. See it fail over").strip().splitlines()
    type_in(site["ns1"], drain)
    for node in NODES.values():
        processes.eventually(lambda: dig(lab, node) == [EDGES["us-west-1"]], "the next region", 10)
    assert type_in(site["ns1"], ask).split() == [EDGES["us-west-1"]]
    type_in(site["ns1"], undrain)
    for node in NODES.values():
        processes.eventually(lambda: dig(lab, node) == [EDGES["us-east-1"]], "the first region is back", 10)
    site["us-east-1"].run("systemctl stop meridian-edge@a")
    began = time.monotonic()
    for node in NODES.values():
        processes.eventually(lambda: dig(lab, node) == [EDGES["us-west-1"]], "the next region", 30)
    print(f"a stopped edge left the answers after {time.monotonic() - began:.1f} s")
    site["us-east-1"].run("systemctl start meridian-edge@a")
    for node in NODES.values():
        processes.eventually(lambda: dig(lab, node) == [EDGES["us-east-1"]], "it is back", 60)
