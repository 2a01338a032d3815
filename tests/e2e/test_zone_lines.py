"""One record to a zone file: what we say of it beside named-checkzone, nsd-checkzone and kzonecheck.

tests/support/zone_lines.txt has the lines, good and bad, with the data that a good one makes and the peers that think otherwise.
The data is BIND's, byte for byte; that our reader makes the same is held by the unit test Rdata.AgreesWithTheTableOfZoneLines.
"""
import concurrent.futures
import dataclasses
import os
import re
import struct
import subprocess

import pytest

import meridian

TABLE = meridian.ROOT / "tests/support/zone_lines.txt"
HEAD = "$TTL 300\n@ SOA ns.example.net. host.example.net. 1 2 3 4 60\n@ NS ns.example.net.\n"
PATH = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
# What is wrong with a whole zone is not this test's matter.
LENIENT = [word for option in "iknmMSr" for word in (f"-{option}", "none" if option == "i" else "ignore")]


@dataclasses.dataclass
class Line:
    number: int
    good: bool
    differing: set
    data: bytes
    text: str

    @property
    def origin(self):
        return f"l{self.number}.example.com"


def lines():
    out = []
    for number, text in enumerate(TABLE.read_text().splitlines(), 1):
        if not text or text.startswith("#"):
            continue
        verdict, differing, data, record = text.split("|", 3)
        out.append(Line(number, verdict.endswith("good"), {word.partition(":")[0] for word in differing.split()}, bytes.fromhex(data), record))
    return out


@pytest.fixture(scope="module")
def zones(tmp_path_factory):
    directory = tmp_path_factory.mktemp("lines")
    for line in lines():
        (directory / f"{line.origin}.zone").write_text(f"{HEAD}t {line.text}\n")
    return directory


def raw_records(data):
    """Owner and data of each record in BIND's raw format (its lib/dns/masterdump.c)."""
    at = 12 if struct.unpack(">I", data[4:8])[0] == 0 else 24
    while at < len(data):
        size, count, name_size = *struct.unpack(">I10xI", data[at:at + 18]), struct.unpack(">H", data[at + 18:at + 20])[0]
        place = at + 20 + name_size
        name = data[at + 20:place]
        for _ in range(count):
            length = struct.unpack(">H", data[place:place + 2])[0]
            yield name, data[place + 2:place + 2 + length]
            place += 2 + length
        at += size


def run(*command):
    return subprocess.run(command, capture_output=True, env=PATH, timeout=120)


def ask_bind(zones, line):
    raw = zones / f"{line.origin}.raw"
    done = run("named-checkzone", "-q", *LENIENT, "-F", "raw", "-D", "-o", raw, line.origin, zones / f"{line.origin}.zone")
    if done.returncode == 0 and line.good:
        made = [data for name, data in raw_records(raw.read_bytes()) if name.startswith(b"\x01t")]
        assert made == [line.data], (line, made)
    return done.returncode == 0


PEERS = {
    "bind": ask_bind,
    "nsd": lambda zones, line: run("nsd-checkzone", line.origin, zones / f"{line.origin}.zone").returncode == 0,
    "knot": lambda zones, line: run("kzonecheck", "-o", line.origin, zones / f"{line.origin}.zone").returncode == 0,
}


def test_we_say_what_the_table_says(zones):
    """All files in one check; each of our errors names its file."""
    config = zones / "lines.yaml"
    config.write_text("regions: {here: {edges: [127.0.0.1]}}\ndns: {zone_directory: .}\n")
    done = run(meridian.binaries() / "meridian", "check", config)
    said = (done.stdout + done.stderr).decode()
    refused = {int(number) for number in re.findall(r"/l(\d+)\.example\.com\.zone:\d+:\d+: error:", said)}
    assert refused == {line.number for line in lines() if not line.good}, said[:4000]


@pytest.mark.parametrize("peer", PEERS)
def test_peers_say_what_the_table_says(zones, peer):
    def ask(line):
        return PEERS[peer](zones, line) == (line.good != (peer in line.differing))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        agree = list(pool.map(ask, lines()))
    wrong = [(line.number, line.text) for line, agrees in zip(lines(), agree) if not agrees]
    assert not wrong, wrong


def test_the_table_is_large_and_knows_every_type():
    types = set(re.findall(r'^ +\{\d+, "([^"]+)", \{', (meridian.ROOT / "dns/load/record/rdata_types.cc").read_text(), re.M))
    assert len(types) > 80 and len(lines()) > 300
    told = {word for line in lines() for word in line.text.split()}
    only_octets = {"NXT", "ATMA", "A6", "SINK", "UINFO", "UID", "GID", "UNSPEC"}
    assert types - told <= only_octets | {"SOA", "MD", "MF", "NSAP-PTR", "IPN"}, types - told
