"""Records that are made, not stored: HTTPS hints, ALIAS, regions that are a CNAME; and zones from a folder.

No edge runs here: the operator's word takes the place of probes.
"""
import re
import socket
import subprocess

import dns.edns
import dns.rcode
import dns.rdatatype
import pytest
from dns.rdtypes.svcbbase import ParamKey

import meridian

EU, US = "81.2.69.0/24", "192.0.2.0/24"  # London and Virginia in the demo's database


def word(shop, region, state):
    status, body = shop.admin("dns", f"/drain?target={region}&state={state}", method="POST")
    assert status == 200, body


def started(shop, regions=meridian.REGIONS):
    """Runs the DNS server alone, with every region up by the operator's word."""
    shop.start_dns()
    for region in regions:
        word(shop, region, "up")
    return shop


def scope_of(response):
    return next(o.scopelen for o in response.options if isinstance(o, dns.edns.ECSOption))


def check(shop):
    done = subprocess.run([meridian.binaries() / "meridian-dns", "--config", shop.config, "--check"], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def replace(path, old, new):
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1))


# -- HTTPS hints

def test_hints_are_the_addresses_of_the_same_decision(idle_shop):
    shop = idle_shop
    replace(shop.zones / "shop.example.zone", "www             HTTPS   1 . alpn=h2,http/1.1 port=8443",
            "www             HTTPS   1 . alpn=h2,http/1.1 ipv4hint=192.0.2.1 port=8443\n"
            "apps            3600 HTTPS 1 www alpn=h2 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1")
    started(shop)
    for client in (EU, US):
        address = shop.query("www.shop.example", subnet=client)
        for name in ("www.shop.example", "apps.shop.example"):
            response = shop.query(name, "HTTPS", subnet=client)
            record = response.answer[0][0]
            assert record.params[ParamKey.IPV4HINT].addresses == (str(address.answer[0][0]),), record
            assert ParamKey.IPV6HINT not in record.params, "no region has an IPv6 edge"
            assert list(record.params) == sorted(record.params)
            assert scope_of(response) == scope_of(address)
            assert response.answer[0].ttl <= address.answer[0].ttl
    word(shop, "eu", "down")
    moved = shop.addresses("www.shop.example", subnet=EU)
    record = shop.query("apps.shop.example", "HTTPS", subnet=EU).answer[0][0]
    assert list(record.params[ParamKey.IPV4HINT].addresses) == moved
    # As dig shows it, with the parameters by their names.
    shown = subprocess.run(["dig", f"@{shop.dns_address}", "-p", "5300", "+short", f"+subnet={US}", "www.shop.example", "HTTPS"],
                           capture_output=True, text=True, timeout=30).stdout
    assert f"ipv4hint={shop.addresses('www.shop.example', subnet=US)[0]}" in shown, shown
    told = shop.admin("dns", f"/explain?name=apps.shop.example&type=HTTPS&client={US}")[1]
    assert "hints" in told, told


# -- ALIAS

class Target:
    """Another meridian-dns on an address of the shop's network, with the zone that the alias points into."""

    def __init__(self, shop):
        self.shop, self.address = shop, shop.address("9.1")
        self.folder = shop.directory / "target"
        self.folder.mkdir()
        (self.folder / "state").mkdir()
        self.write("192.0.2.77", serial=1)
        (self.folder / "target.yaml").write_text(
            f"service: target\nstate_directory: {self.folder}/state\nregions: {{a: {{edges: [{shop.address('9.9')}]}}}}\n"
            f"admin: {{dns: ['{self.address}:9053']}}\n"
            f"dns: {{listen: '{self.address}:5300', zones: {{target.example: target.zone}}}}\n")

    def write(self, *addresses, serial):
        lines = ["$TTL 1", f"@ SOA ns host {serial} 2 3 4 1", "@ NS ns", "ns A 192.0.2.53"]
        lines += [f"platform {'AAAA' if ':' in a else 'A'} {a}" for a in addresses]
        (self.folder / "target.zone").write_text("\n".join(lines) + "\n")

    def start(self):
        self.process = self.shop.launch("target", [meridian.binaries() / "meridian-dns", "--config", self.folder / "target.yaml"])

    def reload(self):
        assert meridian.ask_socket(self.folder / "state/dns/admin.sock", "/reload")[0] == 200


def alias_config(text):
    text = re.sub(r"    shop\.example: +\{policy: closest[^\n]*\n", "    shop.example: {alias: platform.target.example, ttl: {min: 2s, max: 30s}}\n", text, count=1)
    network = re.search(r'listen: \["127\.(\d+)\.', text).group(1)
    return text.replace("dns:\n  listen", f'dns:\n  resolvers: ["127.{network}.9.1:5300"]\n  listen', 1)


def alias_state(shop, rdtype="A"):
    return next(a for a in shop.status()["aliases"] if a["type"] == rdtype)


def test_alias_at_the_apex_lives_with_its_target(tmp_path):
    with meridian.Shop(tmp_path, edit=alias_config) as shop:
        target = Target(shop)
        shop.start_dns()  # nobody answers for the target: that blocks nothing
        assert shop.query("ns1.shop.example").answer
        assert shop.query("shop.example", "MX").answer, "the apex is there"
        response = shop.query("shop.example", edns=0)
        assert response.rcode() == dns.rcode.SERVFAIL and not response.answer
        assert alias_state(shop)["state"] == "unknown"

        target.start()
        meridian.wait_until(lambda: shop.addresses("shop.example") == ["192.0.2.77"], "the target's address")
        for client in (EU, US):
            response = shop.query("shop.example", subnet=client)
            assert scope_of(response) == 0 and response.answer[0].ttl == 2, "the target's TTL, not below the minimum"
        absent = shop.query("shop.example", "AAAA")
        meridian.wait_until(lambda: shop.query("shop.example", "AAAA").rcode() == dns.rcode.NOERROR, "no AAAA")
        assert not absent.answer
        assert alias_state(shop)["state"] == "fresh"

        target.write("192.0.2.78", "192.0.2.79", serial=2)
        target.reload()
        generation = shop.status()["reloads_refused"]
        meridian.wait_until(lambda: shop.addresses("shop.example") == ["192.0.2.78", "192.0.2.79"], "the target's new addresses")
        assert shop.status()["reloads_refused"] == generation and "event=reloaded" not in shop.dns.text(), "no reload for it"

        target.process.kill()
        meridian.wait_until(lambda: alias_state(shop)["state"] == "stale", "lookups fail")
        assert shop.addresses("shop.example") == ["192.0.2.78", "192.0.2.79"], "the last good answer holds"
        assert shop.metric("dns", "meridian_dns_alias_fresh", type="A") == 0
        assert shop.metric("dns", "meridian_dns_alias_lookup_failures_total") > 0
        explained = lambda: shop.admin("dns", "/explain?name=shop.example")[1]
        meridian.wait_until(lambda: "as last known" in explained(), "what is found together is published a moment later")
        assert "platform.target.example." in explained()

        # And through a restart.
        known = shop.directory / "state/dns/aliases.json"
        meridian.wait_until(lambda: known.exists() and "192.0.2.79" in known.read_text(), "it is written down")
        assert shop.dns.stop() == 0
        shop.start_dns()
        assert shop.addresses("shop.example") == ["192.0.2.78", "192.0.2.79"]
        assert alias_state(shop)["state"] == "stale"


# -- regions that are a CNAME

def cname_config(text):
    text = text.replace("health:\n  edge:", "  cdn: {cname: shop.cdn.example.net}\n\nhealth:\n  edge:", 1)
    text = text.replace("    standby:\n", "    mixed:\n      - subnets: {\"81.2.69.0/24\": [cdn]}\n      - failover: [us-east, us-west, eu]\n    standby:\n", 1)
    return text.replace("  names:\n", "  names:\n    mixed.shop.example: {policy: mixed, ttl: {min: 5s, max: 30s}}\n", 1)


def test_cname_region_answers_its_cname_alone(tmp_path):
    with meridian.Shop(tmp_path, edit=cname_config) as shop:
        started(shop)
        for rdtype in ("A", "AAAA", "TXT", "HTTPS", "CNAME"):
            response = shop.query("mixed.shop.example", rdtype, subnet=EU)
            assert [str(rrset) for rrset in response.answer] == ["mixed.shop.example. 30 IN CNAME shop.cdn.example.net."], rdtype
            assert not response.authority and scope_of(response) == 24
        assert shop.region_of(US, "mixed.shop.example") == "us-east"
        absent = shop.query("mixed.shop.example", "TXT", subnet=US)
        assert absent.rcode() == dns.rcode.NOERROR and absent.authority and scope_of(absent) > 0
        cdn = next(r for r in shop.status()["regions"] if r["name"] == "cdn")
        assert cdn["state"] == "up" and cdn["cname"] == "shop.cdn.example.net."
        told = shop.admin("dns", f"/explain?name=mixed.shop.example&client={EU}")[1]
        assert "shop.cdn.example.net." in told and "somebody else" in told, told
        word(shop, "cdn", "down")
        assert shop.region_of(EU, "mixed.shop.example") == "us-east"
        assert shop.metric("dns", "meridian_dns_region_serves", region="cdn") == 0


def test_cname_region_leaves_when_its_probe_fails(tmp_path):
    def edit(text):
        network = re.search(r'listen: \["127\.(\d+)\.', text).group(1)
        return cname_config(text).replace(
            "{cname: shop.cdn.example.net}",
            f"{{cname: shop.cdn.example.net, probe: {{addresses: 127.{network}.8.1, kind: tcp, port: 9443, interval: 200ms, timeout: 200ms}}}}"
        )

    with meridian.Shop(tmp_path, edit=edit) as shop:
        listener = socket.create_server((shop.address("8.1"), 9443))
        try:
            started(shop)
            meridian.wait_until(lambda: shop.query("mixed.shop.example", subnet=EU).answer[0].rdtype == dns.rdatatype.CNAME, "the platform is up")
        finally:
            listener.close()
        meridian.wait_until(lambda: shop.query("mixed.shop.example", subnet=EU).answer[0].rdtype == dns.rdatatype.A, "the platform is down")


@pytest.mark.parametrize(("old", "new", "told"), [
    ("mixed.shop.example: {policy: mixed,", "shop.example: {policy: mixed,", "apex"),
    ("mixed.shop.example: {policy: mixed,", "mail.backup.shop.example: {policy: mixed,", "shop.example.zone:"),
    ("mixed.shop.example: {policy: mixed,", "key.shop.example: {policy: mixed,", "has other data in the zone file (TXT)"),
    ("{cname: shop.cdn.example.net}", "{cname: mixed.shop.example}", "a CNAME to itself"),
    ("{cname: shop.cdn.example.net}", "{cname: shop..net}", "cname 'shop..net'"),
    ("{cname: shop.cdn.example.net}", "{cname: shop.cdn.example.net, edges: [192.0.2.1]}", "not both"),
    ("{cname: shop.cdn.example.net}", "{location: [1, 2]}", "needs `edges`"),
    ("mixed.shop.example: {policy: mixed,", "mixed.shop.example: {policy: mixed, alias: a.example,", "not both"),
    ("mixed.shop.example: {policy: mixed,", "mixed.shop.example: {", "needs a `policy`"),
    ("mixed.shop.example: {policy: mixed,", "mixed.shop.example: {alias: a.example, answers: 2,", "no meaning for an alias"),
])
def test_what_cannot_be_a_cname_or_an_alias_is_refused(tmp_path, old, new, told):
    with meridian.Shop(tmp_path, edit=cname_config) as shop:
        text = shop.config.read_text()
        if new.startswith("shop.example"):
            text = re.sub(r"    shop\.example: +\{policy: closest[^\n]*\n", "", text, count=1)
        assert old in text
        shop.config.write_text(text.replace(old, new, 1))
        status, output = check(shop)
        assert status == 2 and told in output, output
        assert "shop.yaml:" in output or "shop.example.zone:" in output, output


# -- names in other scripts, addresses beside a policy

def test_a_name_in_another_script_is_found_and_explained(idle_shop):
    shop = idle_shop
    replace(shop.config, "    api.shop.example: ", "    bücher.shop.example:   {policy: closest, ttl: {min: 5s, max: 30s}}\n    api.shop.example: ")
    (shop.zones / "bücher.example.zone").write_text("$TTL 60\n@ SOA ns1.shop.example. host.shop.example. 1 2 3 4 60\n@ NS ns1.shop.example.\nwww A 192.0.2.1\n")
    replace(shop.config, "    shop.example: shop.example.zone\n", "    shop.example: shop.example.zone\n    bücher.example: bücher.example.zone\n")
    status, output = check(shop)
    assert status == 0 and "'bücher.shop.example' is not ASCII" in output and "xn--bcher-kva.shop.example" in output, output
    started(shop)
    assert shop.addresses("xn--bcher-kva.shop.example", subnet=EU) == shop.addresses("www.shop.example", subnet=EU)
    assert shop.addresses("www.xn--bcher-kva.example") == ["192.0.2.1"]
    for name in ("bücher.shop.example", "xn--bcher-kva.shop.example"):
        done = subprocess.run([meridian.binaries() / "meridian", "explain", shop.config, "--name", name], capture_output=True, text=True, timeout=60)
        assert "xn--bcher-kva.shop.example. A (bücher.shop.example.)" in done.stdout, done.stdout + done.stderr


def test_a_family_that_the_policy_leaves_out_is_the_zone_files(idle_shop):
    shop = idle_shop
    replace(shop.config, "    api.shop.example: ", "    four.shop.example:   {policy: closest, families: [a], ttl: {min: 5s, max: 30s}}\n    api.shop.example: ")
    zone = shop.zones / "shop.example.zone"
    zone.write_text(zone.read_text() + "four 70 AAAA 2001:db8::4\n     70 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1\n")
    started(shop)
    response = shop.query("four.shop.example", "AAAA", subnet=EU)
    assert str(response.answer[0][0]) == "2001:db8::4" and response.answer[0].ttl == 70 and scope_of(response) == 0
    assert shop.addresses("four.shop.example", subnet=EU) == shop.addresses("www.shop.example", subnet=EU)
    hints = shop.query("four.shop.example", "HTTPS", subnet=EU).answer[0][0].params
    assert hints[ParamKey.IPV6HINT].addresses == ("2001:db8::4",)
    assert list(hints[ParamKey.IPV4HINT].addresses) == shop.addresses("www.shop.example", subnet=EU)
    zone.write_text(zone.read_text() + "four A 192.0.2.1\n")
    status, output = check(shop)
    assert status == 2 and "cannot have A records, unless `families` leaves them out" in output, output


# -- zones from a folder

def test_zones_come_from_a_folder_by_their_file_names(idle_shop):
    shop = idle_shop
    folder = shop.zones / "more"
    folder.mkdir()
    zone = "$TTL 60\n@ SOA ns host {} 2 3 4 60\n@ NS ns\nns A 192.0.2.53\nhost A 192.0.2.1\n"
    (folder / "one.example.zone").write_text(zone.format(5))
    (folder / "0.2.192.in-addr.arpa.zone").write_text("$TTL 60\n@ SOA ns.one.example. host.one.example. 1 2 3 4 60\n@ NS ns.one.example.\n1 PTR host.one.example.\n")
    (folder / "two.example.zone~").write_text("left alone")
    replace(shop.config, "  geo: {database", "  zone_directory: more\n  geo: {database")
    shop.start_dns()
    assert shop.addresses("host.one.example") == ["192.0.2.1"]
    assert str(shop.query("1.0.2.192.in-addr.arpa", "PTR").answer[0][0]) == "host.one.example."
    assert shop.query("two.example", "SOA").rcode() == dns.rcode.REFUSED

    # A new file, and a serial that goes back: served, with a warning.
    (folder / "two.example.zone").write_text(zone.format(1))
    (folder / "one.example.zone").write_text(zone.format(4))
    status, body = shop.admin("dns", "/reload", method="POST")
    assert status == 200 and "one.example.: the serial goes back from 5 to 4" in body, body
    assert shop.addresses("host.two.example") == ["192.0.2.1"]

    # A broken one is named with its line, and one that stands in `zones` too is refused.
    (folder / "two.example.zone").write_text(zone.format(2) + "www CNAME host\nwww A 192.0.2.2\n")
    (folder / "shop.example.zone").write_text(zone.format(3))
    status, body = shop.admin("dns", "/reload", method="POST")
    assert status == 422 and "two.example.zone:6:" in body and "CNAME beside other data" in body, body
    assert "shop.example. stands twice" in body, body
    assert shop.addresses("host.two.example") == ["192.0.2.1"], "the world before goes on"
