"""The playbooks, from bare hosts to a rolled service: one DNS node and the edges of two regions as containers, reached over ssh in a
network of their own. In this order: each test goes on where the one before it has left the hosts. The hosts are for tools/lab, which
takes minutes; without it, what needs no host: linters, the configuration that the example's variables make, the lines of complaints."""
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

import hosts
import processes
from conftest import as_version

# By its path: tests/support has another module of its name.
filters_at = importlib.util.spec_from_file_location("meridian_filters", hosts.ROOT / "ansible/filter_plugins/meridian.py")
filters = importlib.util.module_from_spec(filters_at)
filters_at.loader.exec_module(filters)

ANSIBLE = hosts.ROOT / "ansible"
ADDRESSES = {"ns1": "10.88.1.1", "eu-1": "10.88.2.1", "us-1": "10.88.3.1"}
pytestmark = pytest.mark.skipif(shutil.which("ansible-playbook") is None, reason="needs ansible-core")


@pytest.fixture(scope="module")
def site(request, tmp_path_factory):
    """An inventory made of the example's: its variables, for the addresses of the lab."""
    if os.environ.get("MERIDIAN_LAB") != "1":
        pytest.skip("tools/lab runs this")
    lab, packages = request.getfixturevalue("lab"), request.getfixturevalue("packages")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ANSIBLE / "inventory/example", folder / "inventory")
    inventory = folder / "inventory"
    hosts.call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")
    booted = {name: lab.boot(name, address) for name, address in ADDRESSES.items()}
    for host in booted.values():
        host.put("/root/.ssh/authorized_keys", (folder / "key.pub").read_text(), 0o600)
        host.put("/srv/index.html", "from a backend")
        host.put("/srv/health", "well")
    for host in booted.values():
        host.wait()
        host.run("systemd-run --unit backend -p StandardError=null -p StandardOutput=null python3 -m http.server 8080 --bind 127.0.0.1 -d /srv 2>&1")
    def of(name, **more):
        return {name: {"ansible_host": ADDRESSES[name], "meridian_address": ADDRESSES[name], **more}}
    (inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {
        "vars": {"ansible_user": "root", "ansible_ssh_private_key_file": str(folder / "key"),
                 "ansible_ssh_common_args": f"-o StrictHostKeyChecking=no -o UserKnownHostsFile={folder}/known -o ControlPath={folder}/%h"},
        "children": {"dns": {"hosts": of("ns1")}, "canary": {"hosts": {"eu-1": None}},
                     "edge": {"hosts": {**of("eu-1", meridian_region="eu"), **of("us-1", meridian_region="us-east")}}}}}))
    variables = inventory / "group_vars/all/meridian.yml"
    text = variables.read_text().replace("  us-west: {location: [45.59, -121.18]}\n", "").replace("[us-east, us-west, eu]", "[eu, us-east]")
    text = re.sub(r"        us-west: .*\n", "", text)
    text = re.sub(r"(        (?:us-east|eu): \[\{address: ).*", r'\1"127.0.0.1:8080"}]', text).replace("timeout: 500ms", "timeout: 900ms").replace("192.0.2.0/24", "10.88.0.0/16")
    text = text.replace("meridian_dns:\n", "meridian_dns:\n  geo: {database: /var/lib/meridian/geo/country.mmdb}\n")
    variables.write_text(text.replace("- {path: /, pool: web}", "- {path: /word, respond: {status: 200, body: served}}\n    - {path: /, pool: web}"))
    settings = inventory / "group_vars/all/main.yml"
    settings.write_text(settings.read_text() + f"meridian_check_command: {hosts.BIN}/meridian\nmeridian_check_database: {hosts.ROOT}/build/geo/country.mmdb\nmeridian_roll: {{watch: 1, grace: 9}}\ngeo_source: file:///root/country.mmdb\n")
    return Site(lab, booted, inventory, packages, folder)


class Site:
    def __init__(self, lab, booted, inventory, packages, folder):
        self.lab, self.hosts, self.inventory, self.packages, self.folder = lab, booted, inventory, packages, folder

    def version(self, version):
        """A folder with the packages as this version."""
        folder = self.folder / version
        if not folder.exists():
            folder.mkdir()
            as_version({name: path for name, path in self.packages.items() if name != "meridian-doc"}, version, folder)
            for path in folder.glob("*.deb"):
                path.rename(folder / f"{path.stem}_amd64.deb")
        return folder

    def play(self, playbook, *arguments, version="1.0"):
        """(exit status, what was said, host -> changed tasks)."""
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(self.lab.inside("ansible-playbook", "-i", self.inventory / "hosts.yml", ANSIBLE / "playbooks" / playbook,
                                              "-e", f"meridian_packages={self.version(version)}", *arguments), cwd=ANSIBLE, env=environment, capture_output=True, text=True)
        said = done.stdout + done.stderr
        return done.returncode, said, {host: int(changed) for host, changed in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", said, re.MULTILINE)}

    def good(self, *arguments, **options):
        status, said, changed = self.play(*arguments, **options)
        assert status == 0, said[-6000:]
        return said, changed

    def dig(self):
        return subprocess.run(self.lab.inside("dig", "+short", "+time=3", f"@{ADDRESSES['ns1']}", "www.example.com"), capture_output=True, text=True).stdout.split()

    def goes_to(self, name):
        """Waits until DNS sends users to this edge alone."""
        processes.eventually(lambda: self.dig() == [ADDRESSES[name]], f"users are sent to {name}", 120)

    def versions(self):
        return {name: host.run("dpkg-query -W -f '${Version}' meridian-tools") for name, host in self.hosts.items()}

    def pids(self):
        return {name: host.run("pidof meridian-dns meridian-edge || true").split() for name, host in self.hosts.items()}


def test_check_mode_on_bare_hosts_changes_nothing(site):
    site.good("site.yml", "--check")
    for host in site.hosts.values():
        assert host.run("ls -d /etc/meridian /usr/bin/meridian* /var/cache/meridian 2>/dev/null || true") == ""


def test_bare_hosts_become_serving_regions(site):
    shutil.copy(hosts.ROOT / "build/geo/country.mmdb", site.hosts["ns1"].root / "root/country.mmdb")
    site.good("site.yml")
    assert "GB" in site.hosts["ns1"].run("meridian geo lookup 81.2.69.142 --config /etc/meridian/meridian.yaml")
    assert "active" == site.hosts["ns1"].run("systemctl is-active meridian-geo.timer").strip()
    site.goes_to("eu-1")
    for name in ("eu-1", "us-1"):
        assert hosts.call(*site.lab.inside("curl", "-s", f"http://{ADDRESSES[name]}/")) == "from a backend"
    assert site.hosts["eu-1"].run("stat -c '%U %G %a' /etc/meridian/keys/customers").split() == ["root", "meridian", "640"]


def test_a_second_run_changes_nothing(site):
    said, changed = site.good("site.yml")
    assert changed == {name: 0 for name in ADDRESSES}, said[-6000:]


def test_check_mode_shows_what_a_change_would_be(site):
    said, _ = site.good("site.yml", "--check", "-e", json.dumps({"meridian_service": "renamed"}))
    assert "+service: renamed" in said and "-service: example" in said
    assert "renamed" not in site.hosts["ns1"].run("cat /etc/meridian/meridian.yaml")


def test_a_mistake_is_told_with_the_variable_files_line_and_reaches_no_host(site):
    variables = site.inventory / "group_vars/all/meridian.yml"
    good = variables.read_text()
    line = 1 + good[:good.index("    closest:")].count("\n") + 1
    before = site.pids()
    variables.write_text(good.replace("failover: [eu, us-east]", "failover: [eu, us-eastt]"))
    status, said, _ = site.play("site.yml")
    variables.write_text(good)
    assert status != 0
    assert re.search(rf"group_vars/all/meridian.yml:{line}: .*us-eastt.*did you mean 'us-east'", said), said[-4000:]
    assert site.pids() == before and all("us-eastt" not in host.run("cat /etc/meridian/meridian.yaml") for host in site.hosts.values())


def test_a_new_configuration_reaches_running_processes(site):
    before = site.pids()
    variables = site.inventory / "group_vars/all/meridian.yml"
    variables.write_text(variables.read_text().replace("body: served", "body: served anew"))
    site.good("site.yml", "--tags", "config,service")
    assert hosts.call(*site.lab.inside("curl", "-s", f"http://{ADDRESSES['eu-1']}/word")) == "served anew"
    assert site.pids() == before


def test_a_new_version_rolls_under_load_and_loses_nothing(site):
    script = pathlib.Path(__file__).with_name("steady_asker.py")
    askers = [subprocess.Popen(site.lab.inside("/usr/bin/python3", script, ADDRESSES["ns1"], "www.example.com", ADDRESSES[edge], "www.example.com"),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for edge in ("eu-1", "us-1")]
    said, _ = site.good("rolling.yml", version="1.1")
    for asker in askers:
        told = json.loads(asker.communicate("", timeout=60)[0])
        assert told["failures"] == [] and told["queries"] > 50 and told["requests"] > 50, told
    assert set(site.versions().values()) == {"1.1"}
    assert said.index("TASK [Roll this edge] ***") < said.index("PLAY [DNS nodes]")
    assert "drained" not in site.hosts["ns1"].run("meridian status --json --server unix:/var/lib/meridian/dns/admin.sock | grep -o '\"reason\":\"roll\"' || true")


def test_a_bad_package_is_rolled_back_at_the_first_host(site):
    folder = site.version("1.2")
    bad = next(folder.glob("meridian-edge_*.deb"))
    hosts.call("dpkg-deb", "-R", bad, folder / "tree")
    (folder / "tree/usr/bin/meridian-edge").write_text("#!/bin/sh\nexit 1\n")
    hosts.call("dpkg-deb", "-Znone", "-b", folder / "tree", bad)
    shutil.rmtree(folder / "tree")
    before = site.pids()
    status, said, _ = site.play("rolling.yml", version="1.2")
    assert status != 0 and "eu-1 failed and has been rolled back to 1.1; nothing else was touched" in said, said[-6000:]
    assert set(site.versions().values()) == {"1.1"}
    after = site.pids()
    assert after["us-1"] == before["us-1"] and after["ns1"] == before["ns1"]
    assert hosts.call(*site.lab.inside("curl", "-s", f"http://{ADDRESSES['eu-1']}/word")) == "served anew"
    site.goes_to("eu-1")


def test_a_failover_is_played_and_ends(site):
    said, _ = site.good("failover-test.yml", "-e", "region=eu")
    assert f"[{ADDRESSES['us-1']!r}] serve" in said
    site.goes_to("eu-1")


def test_a_region_that_is_cut_off_leaves_and_comes_back(site):
    site.hosts["eu-1"].cut()
    site.goes_to("us-1")
    site.hosts["eu-1"].cut("up")
    site.goes_to("eu-1")


def test_drain_and_rollback(site):
    site.good("drain.yml", "-e", "target=eu", "-e", "reason=a test")
    site.goes_to("us-1")
    site.good("drain.yml", "-e", "target=eu", "-e", "state=undrain")
    site.goes_to("eu-1")
    site.good("rollback.yml", "--limit", "eu-1", "-e", "meridian_version=1.0")
    assert site.versions()["eu-1"] == "1.0"
    assert hosts.call(*site.lab.inside("curl", "-s", f"http://{ADDRESSES['eu-1']}/word")) == "served"


@pytest.mark.skipif(shutil.which("ansible-lint") is None, reason="needs ansible-lint")
def test_linters_are_content():
    for command in (["yamllint", "-c", ".yamllint", "."], ["ansible-lint", "-c", ".ansible-lint", "--nocolor"]):
        judged = subprocess.run(command, cwd=ANSIBLE, capture_output=True, text=True)
        assert judged.returncode == 0, judged.stdout + judged.stderr


def own_sections():
    """The sections that the role common makes of variables."""
    return yaml.safe_load((ANSIBLE / "roles/common/defaults/main.yml").read_text())["common_sections"]


def rendered(folder, edit=lambda variables, secrets: None):
    """meridian.yaml of the example inventory, as the filter makes it from variables that hold no templates, below `folder`."""
    inventory = ANSIBLE / "inventory/example"
    variables = yaml.safe_load((inventory / "group_vars/all/meridian.yml").read_text())
    children = yaml.safe_load((inventory / "hosts.yml").read_text())["all"]["children"]
    about = {host: {**group["vars"], **its} for group in children["edge"]["children"].values() for host, its in group["hosts"].items()}
    edges, nodes = list(about), children["dns"]["hosts"]
    secrets = {"keys/customers": yaml.safe_load((inventory / "group_vars/all/vault.yml").read_text())["vault_api_keys"]}
    edit(variables, secrets)
    sections = {name: variables.get(f"meridian_{name}") for name in own_sections()}
    text = yaml.safe_dump(filters.configuration(sections, {**about, **nodes}, {"edge": edges, "dns": list(nodes)}), sort_keys=False, width=1000)
    for name, source in variables["meridian_files"].items():
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(inventory / source, folder / name)
    (folder / "keys").mkdir()
    for name, content in secrets.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o640)
    (folder / "meridian.yaml").write_text(text)
    return text


def test_the_examples_variables_make_a_good_configuration(tmp_path):
    rendered(tmp_path)
    done = subprocess.run([hosts.BIN / "meridian", "check", tmp_path / "meridian.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    nodes = yaml.safe_load((tmp_path / "meridian.yaml").read_text())["dns"]["nodes"]
    assert nodes["ns1.example.com"] == {"address": "192.0.2.53", "admin": "ssh:ns1.example.com"} and len(nodes) == 2, "the group dns"


def test_each_section_has_a_variable():
    """But for what the packages' units lay down: where state is and who the server is; and `include`: the file is one."""
    schema = json.loads(hosts.call(hosts.BIN / "meridian", "config-schema"))
    assert set(schema["properties"]) - set(own_sections()) == {"state_directory", "user", "include"}
    specified = yaml.safe_load((ANSIBLE / "roles/common/meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert {f"meridian_{name}" for name in own_sections()} <= set(specified)


def test_sessions_spans_and_scaling_come_from_the_variables(tmp_path):
    """As the README of the role meridian_edge has them."""
    def edit(variables, secrets):
        edge = variables["meridian_edge"]
        edge["redis"] = {"servers": ["redis.internal:6379"], "password_file": "keys/redis"}
        edge["trace"] = {"sample": "1%", "otlp": {"url": "http://collector.internal:4318/v1/traces", "headers_file": "keys/otlp"}}
        edge["scaler"] = {"webhook": {"url": "https://scaler.internal/meridian", "key": "keys/scaler"}}
        edge["pools"]["web"] |= {"sticky": {"store": "redis", "learn": "JSESSIONID", "keys": "keys/sticky"},
                                 "autoscale": {"mode": "dry_run", "min": 3, "max": 20, "cpu": 70}}
        secrets |= {"keys/redis": "a password\n", "keys/otlp": "Authorization: Bearer of-nobody\n", "keys/scaler": 32 * "ab" + "\n", "keys/sticky": 16 * "0f" + "\n"}
    rendered(tmp_path, edit)
    done = subprocess.run([hosts.BIN / "meridian", "check", tmp_path / "meridian.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    readme = (ANSIBLE / "roles/meridian_edge/README.md").read_text()
    assert all(f"`keys/{name}`" in readme for name in ("redis", "otlp", "scaler", "sticky"))


@pytest.mark.parametrize("role", sorted(path.name for path in (ANSIBLE / "roles").iterdir()))
def test_a_readme_has_the_variables_of_its_role(role):
    specified = yaml.safe_load((ANSIBLE / "roles" / role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    listed = re.findall(r"^\| `(\w+)` \|", (ANSIBLE / "roles" / role / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(specified)


@pytest.mark.parametrize("where,told", [("failover: [us-east", "us-westt"), ("fall: 2, rise: 2}", "'fal'"), ("pool: web}", "wep"), ("eu: {location", "153.35")])
def test_a_complaint_has_the_line_of_the_variable_file(tmp_path, where, told):
    spoilt = yaml.safe_dump(spoil(yaml.safe_load(rendered(tmp_path)), told), sort_keys=False, width=1000)
    (tmp_path / "meridian.yaml").write_text(spoilt)
    source = (ANSIBLE / "inventory/example/group_vars/all/meridian.yml").read_text()
    line = source[:source.index(where)].count("\n") + 1
    done = subprocess.run([hosts.BIN / "meridian", "check", tmp_path / "meridian.yaml"], capture_output=True, text=True)
    assert done.returncode != 0
    said = filters.where_said(done.stderr, spoilt, ANSIBLE / "inventory/example")
    assert any(words.startswith(f"group_vars/all/meridian.yml:{line}: ") and told in words for words in said), (said, done.stderr)


def spoil(data, told):
    """One mistake of each kind, in the rendered data."""
    if told == "us-westt":
        data["dns"]["policies"]["closest"][0]["failover"][1] = "us-westt"
    elif told == "wep":
        data["edge"]["routes"][0]["pool"] = "wep"
    elif told == "153.35":
        data["regions"]["eu"]["location"][0] = 153.35
    else:
        health = data["edge"]["pools"]["web"]["health"]
        health["fal"] = health.pop("fall")
    return data


def test_edges_that_the_variables_say_stand_once_however_often_they_are_asked_for():
    said = {"regions": {"eu": {"edges": ["203.0.113.11"]}}}
    hostvars = {"eu-1": {"meridian_region": "eu", "meridian_address": "203.0.113.11"}, "eu-2": {"meridian_region": "eu", "meridian_address": "203.0.113.12"}}
    for _ in range(2):
        assert filters.configuration(said, hostvars, {"edge": ["eu-1", "eu-2"]})["regions"]["eu"]["edges"] == ["203.0.113.11", "203.0.113.12"]


def template(folder, role, name, variables):
    """A role's template, rendered by Ansible itself."""
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [
        {"ansible.builtin.template": {"src": str(ANSIBLE / f"roles/{role}/templates/{name}.j2"), "dest": str(folder / name)}}]}]
    (folder / "play.yml").write_text(yaml.safe_dump(play))
    (folder / "hosts.yml").write_text(yaml.safe_dump(variables.pop("inventory", {"all": {"hosts": {"localhost": {}}}})))
    done = subprocess.run(["ansible-playbook", "-i", folder / "hosts.yml", "-e", json.dumps(variables), folder / "play.yml"],
                          cwd=ANSIBLE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / name).read_text()


def test_a_node_with_an_address_of_ipv6_is_scraped(tmp_path):
    inventory = {"all": {"hosts": {"localhost": {}}, "children": {
        "dns": {"hosts": {"ns1": {"meridian_address": "2001:db8::53"}}},
        "edge": {"hosts": {"eu-1": {"meridian_address": "203.0.113.11", "meridian_region": "eu"}}}}}}
    text = template(tmp_path, "monitoring", "prometheus.yml", {"inventory": inventory, "monitoring_port": 9153, "monitoring_interval": "15s"})
    targets = [group["targets"] for job in yaml.safe_load(text)["scrape_configs"] for group in job["static_configs"]]
    assert targets == [["[2001:db8::53]:9153"], ["203.0.113.11:9153"]]
    assert filters.authority("2001:db8::53") == "[2001:db8::53]" and filters.authority("192.0.2.1") == "192.0.2.1"


def test_what_the_geo_script_is_told_is_no_word_of_the_shell(tmp_path):
    """With a space, a quote and what a shell would run in each value."""
    odd = "$(touch {}) it's \"x\""
    variables = {"geo_source": "debian", "geo_layout": odd.format(tmp_path / "ran1"), "geo_known_address": odd.format(tmp_path / "ran2"),
                 "geo_database": str(tmp_path / "a b$(touch ran3).mmdb")}
    script = template(tmp_path, "geo", "meridian-geo-update", dict(variables)).replace("/usr/share/meridian/geo/make-database", "make-database")
    (tmp_path / "bin").mkdir()
    for name, does in {"make-database": f'printf "%s\\n" "$@" > {tmp_path}/made; : > "$4"', "meridian": f'printf "%s\\n" "$@" > {tmp_path}/asked; exit 1'}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    assert done.returncode == 1 and variables["geo_known_address"] in done.stderr, done.stderr
    assert (tmp_path / "made").read_text().split("\n") == ["--layout", variables["geo_layout"], "--out", variables["geo_database"] + ".new", ""]
    assert (tmp_path / "asked").read_text().split("\n")[:3] == ["geo", "lookup", variables["geo_known_address"]]
    assert not list(tmp_path.glob("ran*"))


def test_the_playbooks_are_read_without_a_complaint():
    for playbook in sorted((ANSIBLE / "playbooks").glob("*.yml")):
        done = subprocess.run(["ansible-playbook", playbook, "--syntax-check"], cwd=ANSIBLE, capture_output=True, text=True)
        assert done.returncode == 0, f"{playbook}: {done.stdout}{done.stderr}"
