"""A host of many addresses with a root of its own: zonemaster and dnsviz look at us from there, and datagrams are watched.

Every finding that is allowed stands here with its reason.
"""
import json
import pathlib
import subprocess
import sys

import pytest

import meridian

PRIVATE_INTERNET = meridian.ROOT / "tests/support/private_internet.py"

# Tag of zonemaster: why it is not the server's fault.
ALLOWED = {
    "NOT_SIGNED": "the zone of this test is not signed",
    "NEITHER_DNSKEY_NOR_DS": "the zone of this test is not signed",
}
LEVELS = {"NOTICE", "WARNING", "ERROR", "CRITICAL"}
# Data, an alias, a wildcard, an empty non-terminal, a DNAME, absence, and names that a policy steers.
NAMES = ["shop.example", "www.shop.example", "mail.shop.example", "shop.shop.example", "x.customers.shop.example", "floor.shop.example",
         "x.old.shop.example", "nothing.shop.example", "large.shop.example", "one.tenants.shop.example"]


@pytest.fixture(scope="module", autouse=True)
def namespaces():
    done = subprocess.run(["unshare", "--net", "--mount", "--map-root-user", "true"], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no network namespaces here: {done.stderr}")


def inside(directory, *command):
    """Runs a command in the private internet and returns what it prints."""
    done = subprocess.run(["unshare", "--net", "--mount", "--map-root-user", sys.executable, PRIVATE_INTERNET, directory, *command],
                          capture_output=True, text=True, timeout=240)
    logs = "".join(path.read_text() for path in pathlib.Path(directory).glob("*.log"))
    assert done.returncode == 0, done.stderr + logs
    return done.stdout


def test_zonemaster_is_content(tmp_path):
    output = inside(tmp_path, "zonemaster-cli", "--hints", tmp_path / "hints", "--level", "INFO", "--json", "--no-progress", "shop.example")
    found = json.loads(output)
    tags = {entry["tag"] for entry in found}
    assert {"ARE_AUTHORITATIVE", "NO_UPWARD_REFERRAL", "SAME_SOURCE_IP", "QNAME_CASE_SENSITIVE"} <= tags, ("it did look", tags)
    complaints = [entry for entry in found if entry["level"] in LEVELS and entry["tag"] not in ALLOWED]
    assert not complaints, complaints


def test_dnsviz_is_content(tmp_path):
    inside(tmp_path, "dnsviz", "probe", "-A", "-a", ".", "-E", "-o", tmp_path / "probe.json", *NAMES)

    def grok(level):
        done = subprocess.run(["dnsviz", "grok", "-r", tmp_path / "probe.json", "-l", level], capture_output=True, text=True, timeout=120, check=True)
        return json.loads(done.stdout or "{}")
    assert {f"{name}." for name in NAMES} <= set(grok("info")), "it did look"
    assert grok("warning") == {}


@pytest.mark.parametrize("kind", ["unbound", "recursor", "bind"])
def test_resolvers_find_us_from_the_root(tmp_path, kind):
    """Nothing but root hints: two referrals with glue lead here, with minimised names and 0x20 where the resolver can."""
    edge = ["11.0.3.80", "12.0.3.80"]
    wanted = {
        "www.shop.example/A": edge, "shop.example/A": edge, "one.tenants.shop.example/A": edge, "mail.shop.example/A": ["11.0.2.53"],
        "any.customers.shop.example/A": ["12.0.3.81"], "a.b.customers.shop.example/A": ["12.0.3.81"], "x.old.shop.example/A": ["12.0.3.81"],
        "printer.rack.floor.shop.example/A": ["12.0.3.82"], "shop.shop.example/A": edge, "large.shop.example/TXT": ['"xxx'],
        "ns2.shop.example/AAAA": ["2601:102::53"], "80.3.0.12.in-addr.arpa/PTR": ["www.shop.example."],
    }
    absent = {"nothing.shop.example/A": "NXDOMAIN", "floor.shop.example/A": "NOERROR", "www.shop.example/MX": "NOERROR", "nothing.example/A": "NXDOMAIN"}
    output = inside(tmp_path, sys.executable, meridian.ROOT / "tests/support/iterate.py", tmp_path, kind, *wanted, *absent)
    told = json.loads(output.splitlines()[-1])
    for question, ends in wanted.items():
        assert told[question][0] == "NOERROR" and any(data.startswith(end) for data in told[question][1:] for end in ends), (question, told[question])
    for question, rcode in absent.items():
        assert told[question] == [rcode], (question, told[question])


def test_replies_leave_from_each_of_many_addresses(tmp_path):
    """A server on wildcard sockets in a host with many addresses, where the route alone would choose another source."""
    command = """
        for address in 11.0.1.53 12.0.1.53 11.0.2.53 12.0.2.53 2600:101::53 2601:101::53 2600:102::53 2601:102::53; do
          for source in 11.0.3.80 2600:103::80; do
            case $address$source in *:*.*|*.*:*) continue ;; esac
            dig -b $source -p 5300 @$address +norec +time=5 +tries=1 example SOA | grep -E 'SERVER|unexpected|status'
          done
        done
    """
    output = inside(tmp_path, "sh", "-c", command)
    assert output.count("status: NOERROR") == output.count("SERVER") == 8 and "unexpected" not in output, output


def test_no_fragments_in_a_narrow_network(tmp_path):
    """Links of 1280 octets, the least that IPv6 knows: the longest UDP replies still go out whole."""
    command = """
        ip link set lo mtu 1280
        for address in 11.0.2.53 2600:102::53; do
          dig @$address +norec +ignore +bufsize=4096 large.shop.example TXT | grep -q 'flags: qr aa tc' || exit 1
          dig @$address +norec +nocookie +bufsize=4096 padded.shop.example TXT | grep 'MSG SIZE'
        done
        grep Ip: /proc/net/snmp; grep Frag /proc/net/snmp6
    """
    output = inside(tmp_path, "sh", "-c", command)
    sizes = [int(line.split()[-1]) for line in output.splitlines() if "MSG SIZE" in line]
    assert len(sizes) == 2 and all(1200 < size <= 1232 for size in sizes), output
    names, values = (line.split()[1:] for line in output.splitlines() if line.startswith("Ip:"))
    counted = dict(zip(names, map(int, values))) | {n: int(v) for n, v in (line.split() for line in output.splitlines() if line.startswith("Ip6Frag"))}
    assert counted["FragCreates"] == counted["Ip6FragCreates"] == 0


def test_a_reply_that_no_link_takes_is_cut(tmp_path):
    """A link of 700 octets: what is longer is not lost without a word, TC sends the client to TCP."""
    command = """
        ip link set lo mtu 700
        dig @11.0.2.53 +norec +nocookie +ignore +bufsize=4096 padded.shop.example TXT
        dig @11.0.2.53 +norec +nocookie +bufsize=4096 padded.shop.example TXT | grep 'MSG SIZE'
        grep Ip: /proc/net/snmp
    """
    output = inside(tmp_path, "sh", "-c", command)
    assert "flags: qr aa tc;" in output and "QUERY: 1, ANSWER: 0" in output, output
    assert int(next(line for line in output.splitlines() if "MSG SIZE" in line and "rcvd: 1" in line).split()[-1]) > 1200, output
    names, values = (line.split()[1:] for line in output.splitlines() if line.startswith("Ip:"))
    assert dict(zip(names, values))["FragCreates"] == "0"
