"""Steering as an operator drives it: AS numbers, the overrides file read alone, words on regions and edges, explain."""
import json

import meridian
from test_operator import meridian_command

import pytest

# On top of zones/shop.yaml: a database of AS numbers, an overrides file, an asn step.
POLICY = "    closest:\n"
ASN_STEP = '      - asn: {AS14: [eu]}                                     # New York\n'


def steered(text):
    text = text.replace("city.mmdb}", "city.mmdb, asn: asn.mmdb, overrides: overrides.yaml}")
    return text.replace(POLICY, POLICY + ASN_STEP, 1)


@pytest.fixture
def steering_shop(tmp_path):
    with meridian.Shop(tmp_path, edit=steered) as shop:
        meridian.make_asn_database(shop.zones / "asn.mmdb")
        (shop.zones / "overrides.yaml").write_text("131.215.7.0/24: {asn: 14}\n")
        yield shop.start()


def test_overrides_are_read_again_alone(steering_shop):
    shop = steering_shop
    server = shop.server("dns")
    overrides = shop.zones / "overrides.yaml"
    assert shop.region_of("131.215.7.0/24") == "eu", "the file says it is of AS 14"
    assert shop.region_of("131.215.8.0/24") == "us-west", "California"
    assert shop.region_of("128.59.1.0/24") == "eu", "AS 14 by the database"
    overrides.write_text('131.215.8.0/24: {place: EU-DE, reason: "ticket 4711"}\n128.59.0.0/16: {regions: [us-west]}\n')
    # A broken main file is not looked at: this reads the overrides alone.
    good = shop.config.read_text()
    shop.config.write_text("nonsense: [")
    assert "reloaded" in meridian_command("reload", "--overrides", "--server", server)
    assert shop.region_of("131.215.7.0/24") == "us-west"
    assert shop.region_of("131.215.8.0/24") == "eu", "really in Germany"
    assert shop.region_of("128.59.1.0/24") == "us-west"
    assert "as the overrides file says" in meridian_command("explain", "--server", server, "--name", "www.shop.example", "--client", "131.215.8.1")
    # A wrong row is named with its place, and what was true stays true.
    overrides.write_text("131.215.8.0/24: Germany\n")
    said = meridian_command("reload", "--overrides", "--server", server, status=1)
    assert "overrides.yaml:1:" in said and "Germany" in said
    assert shop.region_of("131.215.8.0/24") == "eu"
    shop.config.write_text(good)


def test_the_operators_word_on_a_region_and_on_an_edge(steady_shop):
    shop = steady_shop
    server = shop.server("dns")
    west = shop.edge_address("us-west")
    meridian_command("drain", "us-east", "--server", server, "--reason", "kernel update", "--expires", "2h")
    meridian_command("drain", west, "--state", "down", "--server", server, "--reason", "bad disk")
    meridian.wait_until(lambda: shop.region_of("192.0.2.0/24") == "eu", "answers left both")
    assert shop.dns.stop() == 0
    shop.start_dns()
    meridian.wait_until(lambda: shop.region_of("192.0.2.0/24") == "eu", "both words survived")
    status = {region["name"]: region for region in shop.status()["regions"]}
    east_word = status["us-east"]["override"]
    assert east_word["state"] == "drained" and east_word["reason"] == "kernel update" and 0 < east_word["expires_in_seconds"] <= 7200
    assert status["us-west"]["edges"][0]["override"]["reason"] == "bad disk"
    assert shop.metric("dns", "meridian_dns_override", region="us-east", edge="", state="drained") == 1
    assert shop.metric("dns", "meridian_dns_override", region="us-west", edge=west, state="down") == 1
    assert 0 < shop.metric("dns", "meridian_dns_override_expires_seconds", region="us-east") <= 7200
    # The TTL in force follows: a drained region may be back any time.
    name = next(n for n in shop.status()["names"] if n["name"] == "www.shop.example")
    assert name["ttl_lowest_now"] == name["ttl_min"] == 5
    assert 'meridian_dns_ttl_seconds{name="www.shop.example"} 5\n' in shop.admin("dns", "/metrics")[1]
    told = meridian_command("explain", "--server", server, "--name", "www.shop.example", "--client", "192.0.2.9")
    for words in ("us-east is drained, drained by the operator (kernel update) -> passed over", f"{west} down by the operator (bad disk)",
                  "the operator's word: drained (kernel update), until 20", "Z, for another ", "eu is up -> ANSWERS", "the minimum: [us-east"):
        assert words in told, f"{words}\nnot in\n{told}"


def test_explain_as_json(shop):
    online = json.loads(meridian_command("explain", "--server", f"{shop.dns_address}:9053", "--json", "--name", "www.shop.example", "--client", "81.2.69.142"))
    offline = json.loads(meridian_command("explain", shop.config, "--json", "--name", "www.shop.example", "--client", "81.2.69.142"))
    for told in (online, offline):
        assert told["question"] == {"name": "www.shop.example.", "type": "A", "resolver": "127.0.0.1", "client": "81.2.69.142/32"}
        assert (told["policy"], told["region"]) == ("closest", "eu")
        assert told["reply"]["rcode"] == "NOERROR" and told["reply"]["subnet"]["source"] == 32
        assert [r.split()[-1] for r in told["reply"]["answer"]] == [shop.edge_address("eu")]
        topics = [line["topic"] for line in told["why"]]
        for topic in ("policy", "address", "database", "subnets", "geo", "order", "health", "choice", "ttl", "scope"):
            assert topic in topics, topics
    assert "edge" in [line["topic"] for line in online["why"]]
    nothing = json.loads(meridian_command("explain", shop.config, "--json", "--name", "nowhere.shop.example"))
    assert nothing["region"] is None and nothing["reply"]["rcode"] == "NXDOMAIN"
