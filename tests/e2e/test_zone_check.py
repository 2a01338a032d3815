"""meridian zone check against two real nodes: good, and each way in which they can be wrong that a server can have."""
import subprocess

import pytest

import meridian
from lone_edge import slot_address
from lone_node import LoneNode


@pytest.fixture
def pair(tmp_path):
    """Two nodes of one zone, whose glue are their addresses."""
    with meridian.Lease() as slot:
        words = {"listen": [f"{slot_address(slot, '0.1')}:5300", f"{slot_address(slot, '0.2')}:5300"]}
        with LoneNode(tmp_path, slot, {"eu": [slot_address(slot, "1.1")]}, dns_words=words) as node:
            node.addresses_of_nodes = [slot_address(slot, "0.1"), slot_address(slot, "0.2")]
            yield node


def write_zone(node, first, second):
    (node.directory / "lone.zone").write_text(f"$TTL 60\n@ SOA ns1 host 7 2h 15m 2w 5m\n@ NS ns1\n@ NS ns2\nns1 A {first}\nns2 A {second}\n")
    node.reload()


def check(node, *servers):
    command = [meridian.binaries() / "meridian", "zone", "check", "Lone.Example", "--port", "5300"]
    done = subprocess.run([*command, *(word for server in servers for word in ("--server", server))], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_a_zone_that_is_ready_and_what_the_registrar_is_sent(pair):
    first, second = pair.addresses_of_nodes
    write_zone(pair, first, second)
    status, said = check(pair, first, second)
    assert status == 0 and "WRONG" not in said, said
    for line in (f"good   {first} is authoritative", f"good   {second} answers over TCP", "good   serial 7 everywhere",
                 f"  NS ns1.lone.example.  glue {first}", f"  NS ns2.lone.example.  glue {second}", "  DS none"):
        assert line in said.splitlines(), said


def test_what_is_wrong_is_told(pair):
    first, second = pair.addresses_of_nodes
    write_zone(pair, first, "192.0.2.99")
    status, said = check(pair, first, second)
    assert status == 1 and f"WRONG  {second} was asked, and is the address of no name server of the zone" in said, said
    status, said = check(pair, first)
    assert status == 1 and "registries want two" in said, said
    nobody = first.rsplit(".", 1)[0] + ".77"
    status, said = check(pair, first, nobody)
    assert status == 1 and f"WRONG  {nobody}: no answer" in said and "For the registrar" not in said, said
