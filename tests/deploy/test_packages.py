"""The packages on a Debian host that has never seen them: installed, upgraded under load, removed, purged. In this order: each test
goes on where the one before it has left the host."""
import json
import pathlib
import shutil
import subprocess

import pytest

import hosts
from conftest import as_version

CONFIG = """
service: lone
regions: {eu: {edges: [127.0.0.2]}}
health: {edge: {kind: http, port: 80, host: www.example.com, interval: 1s, timeout: 900ms}}
dns:
  listen: ["127.0.0.1:53"]
  zones: {example.com: example.com.zone}
  policies: {only: [failover: [eu]]}
  names: {www.example.com: {policy: only, ttl: {min: 1s, max: 5s}}}
edge:
  listen: [{address: "{edge}:80", protocol: http}]
  access_log: /var/log/meridian/access.log
  pools: {unused: {servers: {eu: ["127.0.0.9:80"]}}}
  routes: [{path: /, respond: {status: 200, body: "served"}}]
"""
ZONE = "@ 300 SOA ns1 hostmaster 1 2h 15m 2w 5m\n@ NS ns1\nns1 A 127.0.0.1\n"


@pytest.fixture(scope="module")
def host(lab):
    """A bare Debian: what keeps it from booting is the machine's and not ours."""
    try:
        return lab.boot("clean", "10.88.0.2").wait()
    except hosts.HostError as error:
        pytest.skip(f"no host boots on this machine: {error}")


@pytest.fixture(scope="module")
def versions(packages, host, tmp_path_factory):
    """version -> what dpkg is called with on the host."""
    folder = tmp_path_factory.mktemp("versions")
    shutil.rmtree(host.root / "packages", ignore_errors=True)
    (host.root / "packages").mkdir()
    for version in ("1.0", "1.1", "1.2"):
        for path in as_version(packages, version, folder):
            shutil.move(path, host.root / "packages" / path.name)
    return {version: f"dpkg -i /packages/*_{version}.deb 2>&1" for version in ("1.0", "1.1", "1.2")}


def instances(host, server):
    """(active, enabled) instances of a server's unit."""
    both = [(letter, host.try_run(f"systemctl is-active meridian-{server}@{letter}").stdout.strip(),
             host.try_run(f"systemctl is-enabled meridian-{server}@{letter}").stdout.strip()) for letter in "ab"]
    return [letter for letter, active, _ in both if active == "active"], [letter for letter, _, enabled in both if enabled == "enabled"]


@pytest.mark.skipif(shutil.which("lintian") is None, reason="needs lintian")
def test_lintian_finds_no_error(packages):
    judged = subprocess.run(["lintian", "--fail-on", "error,warning", "--allow-root", *packages.values()], capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_build_directory_forgets_what_was_packaged(packages):
    cache = (hosts.ROOT / "build/release/CMakeCache.txt").read_text()
    version = hosts.call("dpkg-deb", "-f", packages["meridian-dns"], "Version").strip()
    assert version not in cache and "CMAKE_INSTALL_PREFIX:PATH=/usr\n" not in cache
    assert "CMAKE_CXX_FLAGS:STRING=\n" in cache and "CMAKE_EXE_LINKER_FLAGS:STRING=\n" in cache, "what is packed is what the tests have run"


def test_each_file_is_where_its_package_promises(packages):
    listed = {name: subprocess.run(["dpkg-deb", "-c", path], capture_output=True, text=True, check=True).stdout for name, path in packages.items()}
    for name, path in (("meridian-dns", "./usr/bin/meridian-dns"), ("meridian-dns", "./lib/systemd/system/meridian-dns@.service"),
                       ("meridian-dns", "./usr/share/man/man8/meridian-dns.8.gz"), ("meridian-edge", "./etc/logrotate.d/meridian-edge"),
                       ("meridian-edge", "./usr/share/zsh/vendor-completions/_meridian-edge"), ("meridian-tools", "./usr/share/man/man5/meridian.yaml.5.gz"),
                       ("meridian-tools", "./usr/share/man/man1/meridian-drain.1.gz"), ("meridian-tools", "./etc/meridian/example/meridian.yaml"),
                       ("meridian-tools", "./usr/share/bash-completion/completions/meridian"), ("meridian-doc", "./usr/share/doc/meridian-doc/operations.md"),
                       ("meridian-doc", "./usr/share/doc/meridian-doc/SECURITY.md")):
        assert f" {path}\n" in listed[name], f"{name} has no {path}"


def test_each_package_says_its_licence(packages):
    """Debian's place for LICENSE is the file copyright, which names the text that every Debian has."""
    for name, path in packages.items():
        said = subprocess.run(f"dpkg-deb --fsys-tarfile {path} | tar -xO ./usr/share/doc/{name}/copyright", shell=True, capture_output=True, text=True, check=True).stdout
        assert "License: Apache-2.0" in said and "/usr/share/common-licenses/Apache-2.0" in said, name
    assert "Apache License" in (hosts.ROOT / "LICENSE").read_text()


def test_an_installation_starts_nothing_and_brings_an_example_that_is_good(host, versions):
    host.run(versions["1.0"])
    assert host.run("id -gn meridian").strip() == "meridian"
    assert host.run("stat -c '%U %a' /var/lib/meridian").split() == ["meridian", "750"]
    assert "good" in host.run("meridian check /etc/meridian/example/meridian.yaml 2>&1")
    assert instances(host, "dns") == ([], []) and instances(host, "edge") == ([], [])
    assert host.run("logrotate --debug /etc/logrotate.d/meridian-edge 2>&1").count("error:") == 0


def test_the_units_serve(host, versions):
    host.put("/etc/meridian/meridian.yaml", CONFIG)
    host.put("/etc/meridian/example.com.zone", ZONE)
    host.put("/etc/meridian/edge.env", 'MERIDIAN_EDGE="--region eu"\n')
    host.run("meridian check /etc/meridian/meridian.yaml")
    host.run("systemctl enable --now meridian-edge@a meridian-dns@a 2>&1")
    assert host.run("dig @127.0.0.1 www.example.com +short").split() == ["127.0.0.2"]
    assert host.run("curl -s -H 'Host: www.example.com' http://127.0.0.2/") == "served"


def test_an_upgrade_under_load_loses_nothing(host, versions):
    script = pathlib.Path(__file__).with_name("steady_asker.py")
    asker = subprocess.Popen(host.inside("/usr/bin/python3", script, "127.0.0.1", "www.example.com", "127.0.0.2", "www.example.com"),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    was = host.run("systemctl show -p MainPID --value meridian-dns@a meridian-edge@a").split()
    said = host.run(versions["1.1"])
    told = json.loads(asker.communicate("", timeout=60)[0])
    assert told["failures"] == [] and told["queries"] > 50 and told["requests"] > 50, told
    assert "meridian-dns@b has taken over from meridian-dns@a" in said and "meridian-edge@b has taken over" in said
    assert instances(host, "dns") == (["b"], ["b"]) and instances(host, "edge") == (["b"], ["b"])
    assert set(was).isdisjoint(host.run("systemctl show -p MainPID --value meridian-dns@b meridian-edge@b").split())


def test_an_upgrade_that_cannot_start_leaves_the_old_one(host, versions):
    host.put("/etc/meridian/meridian.yaml", CONFIG + "nonsense: 1\n")
    was = host.run("systemctl show -p MainPID --value meridian-dns@b").strip()
    said = host.run(versions["1.2"])
    assert "meridian-dns@b goes on as the old one" in said and "meridian-edge@b goes on as the old one" in said, said
    assert instances(host, "dns") == (["b"], ["b"]) and host.run("systemctl show -p MainPID --value meridian-dns@b").strip() == was
    assert host.run("dig @127.0.0.1 www.example.com +short").split() == ["127.0.0.2"]
    host.put("/etc/meridian/meridian.yaml", CONFIG)
    assert "taken over from meridian-dns@b" in host.run(versions["1.1"]), "the way back is the same way"


def test_a_rotated_log_is_written_on(host, versions):
    host.run("logrotate --force /etc/logrotate.d/meridian-edge 2>&1")
    host.run("curl -s -H 'Host: www.example.com' http://127.0.0.2/after")
    for _ in range(100):
        if "/after" in host.try_run("cat /var/log/meridian/access.log").stdout:
            break
        host.run("sleep 0.1")
    assert "/after" in host.run("cat /var/log/meridian/access.log") and "/after" not in host.run("cat /var/log/meridian/access.log.1")


def test_removed_it_is_stopped_and_purged_it_is_gone(host, versions):
    host.run("dpkg --remove meridian-dns meridian-edge 2>&1")
    assert instances(host, "dns") == ([], []) and instances(host, "edge") == ([], [])
    host.run("test -e /etc/meridian/meridian.yaml && test -e /var/lib/meridian && test -e /etc/logrotate.d/meridian-edge")
    host.run("dpkg --purge meridian-dns meridian-edge meridian-doc meridian-tools 2>&1")
    host.run("! test -e /var/lib/meridian && ! test -e /var/log/meridian && ! test -e /etc/meridian/example && ! test -e /usr/bin/meridian")
    host.run("test -e /etc/meridian/meridian.yaml")  # the administrator's own stays
    assert hosts.call("sh", "-c", f"grep -c meridian {host.root}/var/lib/dpkg/status || true").strip() == "0"
