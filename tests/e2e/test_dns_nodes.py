"""Several DNS nodes and one file: what `{node}` stands for on each, and one command that tells all of them, by ssh and without."""
import os
import subprocess

import dns.message
import dns.query
import pytest

import meridian

FAKE_SSH = """#!/bin/sh
# As ssh -L LOCAL:REMOTE does, for the one host that there is.
echo "$@" >>"$FAKE_SSH_LOG"
for word; do case $word in -oX) ;; *.sock:*) local=${word%%:*} ;; esac; last=$word; done
[ "$last" = root@ns2.example ] || { echo "ssh: Could not resolve hostname $last" >&2; exit 255; }
ln -s "$FAKE_SSH_SOCKET" "$local"
exec sleep 60
"""

CONFIG = """service: nodes
state_directory: "${STATE}"
regions: {eu: {edges: [192.0.2.80]}, us: {edges: [192.0.2.90]}}
health: {edge: {interval: 30s}, start_wait: 0ms}
admin: {dns: "{node}:9053", key: DIR/admin.key}
dns:
  nodes:
    ns1: {address: FIRST, admin: "FIRST:9053"}
    ns2: {address: SECOND, admin: "ssh:root@ns2.example"}
  listen: "{node}:5300"
  nsid: "{node}"
  workers: 1
  zones: {example.com: DIR/example.com.zone}
  policies: {order: [{failover: [eu, us]}]}
  names: {www.example.com: {policy: order, ttl: {min: 1s, max: 5s}}}
"""


class Nodes:
    """Two nodes on loopback addresses, so that each is told by --node which it is."""

    def __init__(self, directory):
        self.directory, self.lease = directory, meridian.Lease()
        self.addresses = {"ns1": f"127.{self.lease.number}.0.1", "ns2": f"127.{self.lease.number}.0.2"}
        self.file = directory / "nodes.yaml"
        text = CONFIG.replace("DIR", str(directory)).replace("FIRST", self.addresses["ns1"]).replace("SECOND", self.addresses["ns2"])
        self.file.write_text(text)
        (directory / "example.com.zone").write_text("$TTL 60\n@ SOA ns host 1 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.53\n")
        key = directory / "admin.key"
        key.write_text("a-key-of-this-test-alone\n")
        key.chmod(0o600)
        ssh = directory / "ssh"
        ssh.write_text(FAKE_SSH)
        ssh.chmod(0o755)
        self.processes = {name: self.launch(name) for name in self.addresses}
        for name in self.addresses:
            meridian.wait_until(lambda name=name: self.admin(name, "/healthz")[0] == 200, f"{name} serves")

    def launch(self, name):
        (self.directory / name).mkdir()
        os.environ["STATE"] = str(self.directory / name)
        try:
            return meridian.Process([meridian.binaries() / "meridian-dns", "--config", self.file, "--node", name], self.directory / f"{name}.log")
        finally:
            del os.environ["STATE"]

    def admin(self, name, path):
        return meridian.ask_socket(self.directory / name / "dns/admin.sock", path, "GET")

    def status(self, name):
        return self.admin(name, "/status")[1]

    def command(self, *arguments, status=0):
        environment = {**os.environ, "STATE": "/nowhere", "MERIDIAN_SSH": str(self.directory / "ssh"), "FAKE_SSH_LOG": str(self.directory / "ssh.log"),
                       "FAKE_SSH_SOCKET": str(self.directory / "ns2/dns/admin.sock")}
        done = subprocess.run([meridian.binaries() / "meridian", *map(str, arguments)], capture_output=True, text=True, timeout=60, env=environment)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout, done.stderr


@pytest.fixture(scope="module", name="nodes")
def two_nodes(tmp_path_factory):
    nodes = Nodes(tmp_path_factory.mktemp("nodes"))
    yield nodes
    for process in nodes.processes.values():
        process.kill()
    nodes.lease.release()


def test_each_node_has_its_own_values_from_one_file(nodes):
    for name, address in nodes.addresses.items():
        reply = dns.query.udp(dns.message.make_query("id.server", "TXT", "CH"), address, port=5300, timeout=10)
        assert f'"{name}"' in str(reply.answer[0]), reply
        assert f'"node":"{name}"' in nodes.status(name), nodes.status(name)
    lost = subprocess.run([meridian.binaries() / "meridian-dns", "--check", "--config", nodes.file], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "STATE": "/nowhere"})
    assert lost.returncode == 2 and "say which node this is with --node" in lost.stderr, "this machine has the addresses of both"
    nodes.command("check", nodes.file)


def test_drain_all_tells_every_node_and_its_result(nodes):
    key = ("--config", nodes.file, "--key", nodes.directory / "admin.key")
    out, _ = nodes.command("drain", "eu", "--all", *key, "--reason", "a flood")
    assert out.index("ns1 (") < out.index("ns2 (") and out.count("eu is drained by your word") == 2, out
    for name in nodes.addresses:
        assert "a flood" in nodes.status(name)
    tunnel = (nodes.directory / "ssh.log").read_text()
    assert "BatchMode=yes" in tunnel and ":/nowhere/dns/admin.sock -- root@ns2.example" in tunnel, tunnel
    out, _ = nodes.command("status", nodes.file, "--all")
    assert out.count("node               ns") == 2 and out.count("a flood") >= 2, out
    out, _ = nodes.command("undrain", "eu", "--all", *key)
    assert out.count("eu is as its probes say") == 2, out


def test_a_node_that_cannot_be_reached_is_told_and_the_others_are_done(nodes):
    nodes.file.write_text(nodes.file.read_text().replace("root@ns2.example", "root@elsewhere.example"))
    try:
        out, err = nodes.command("drain", "us", "--all", "--config", nodes.file, "--key", nodes.directory / "admin.key", status=1)
    finally:
        nodes.file.write_text(nodes.file.read_text().replace("root@elsewhere.example", "root@ns2.example"))
    assert "us is drained by your word" in out, out
    assert "ns2: cannot reach root@elsewhere.example" in err and "done on ns1; not on ns2" in err, err
    nodes.command("undrain", "us", "--all", "--config", nodes.file, "--key", nodes.directory / "admin.key")


def test_all_wants_nodes_and_takes_no_server_of_a_pool(nodes, tmp_path):
    plain = tmp_path / "plain.yaml"
    plain.write_text(nodes.file.read_text().replace("{node}", "127.0.0.1").replace("nodes:\n", "version: x\n").replace("    ns1:", "#").replace("    ns2:", "#"))
    assert "--all wants to know the DNS nodes" in nodes.command("drain", "eu", "--all", "--config", plain, status=2)[1]
    assert "--all is every DNS node" in nodes.command("drain", "10.0.0.1:80", "--pool", "web", "--all", "--config", nodes.file, status=2)[1]
