"""DNS cookies with other people's programs (RFC 7873, 9018), response rate limiting, and floods with an honest client beside them."""
import json
import os
import re
import socket
import struct
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

import meridian
import resolvers

FIRST, SECOND = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
LIMITED = "dns:\n  rate_limit: {mode: enforce, rate: 50/s, slip: 2}\n"


def with_options(options):
    return lambda text: text.replace("dns:\n", options, 1)


def with_secrets(shop_directory, *secrets):
    """An edit that gives the DNS server a file of secrets."""
    def edit(text):
        write_secrets(shop_directory, *secrets)
        return text.replace("dns:\n", f"dns:\n  cookies: {{secrets: {shop_directory}/secrets}}\n", 1)
    return edit


def write_secrets(directory, *secrets):
    path = directory / "secrets"
    path.write_text("".join(f"{secret}\n" for secret in secrets))
    path.chmod(0o600)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(shop, cookie, name="static.shop.example", **options):
    message = dns.message.make_query(name, "A")
    message.use_edns(0, payload=1232, options=[dns.edns.GenericOption(10, cookie)] if cookie else [])
    ask_by = dns.query.tcp if options.pop("tcp", False) else dns.query.udp
    return ask_by(message, shop.dns_address, port=5300, timeout=10)


def cookie_of(response):
    found = [option for option in response.options if option.otype == 10]
    return found[0].to_wire() if found else None


# -- cookies

def test_dig_learns_and_returns_our_cookie(shop):
    def dig(option):
        text = run("dig", f"@{shop.dns_address}", "-p", "5300", option, "ns1.shop.example")
        assert "status: NOERROR" in text and "192.0.2.53" in text
        return re.search(r"; COOKIE: ([0-9a-f]+) \(good\)", text).group(1)
    learned = dig("+cookie=0102030405060708")
    assert len(learned) == 48 and learned.startswith("010203040506070801000000")
    assert dig(f"+cookie={learned}") == learned, "a fresh one goes back as it came"
    forged = learned[:-1] + ("1" if learned[-1] == "0" else "0")
    assert dig(f"+cookie={forged}") != forged


def test_kdig_learns_and_returns_our_cookie(shop):
    def kdig(*options):
        text = run("kdig", f"@{shop.dns_address}", "-p", "5300", *options, "ns1.shop.example")
        assert "status: NOERROR" in text and "192.0.2.53" in text
        return re.search(r"COOKIE: ([0-9A-Fa-f]+)", text).group(1)
    learned = kdig("+cookie=0102030405060708")
    assert len(learned) == 48
    assert kdig(f"+cookie={learned}") == learned
    assert kdig("+tcp", f"+cookie={learned}") == learned


def test_bind_as_a_resolver_uses_our_cookie(shop, tmp_path):
    """named first learns our cookie, then shows it, and we find it valid."""
    before = shop.metric("dns", "meridian_dns_cookies_total", state="valid")
    with resolvers.start_bind(tmp_path, shop.address("9.54"), {"shop.example": (shop.dns_address, 5300)}) as resolver:
        resolver.wait("shop.example")
        for number in range(1, 6):
            assert resolver.ask(f"node-{number}.shop.example").answer
    assert shop.metric("dns", "meridian_dns_cookies_total", state="valid") > before


@pytest.mark.parametrize("tcp", [False, True])
def test_a_cookie_alone_is_answered(shop, tcp):
    """QDCOUNT 0 (RFC 7873 section 5.4)."""
    def ask_alone(cookie):
        option = struct.pack("!HH", 10, len(cookie)) + cookie
        packet = b"\x12\x34" + b"\0" * 9 + b"\x01" + b"\0\0\x29\x04\xd0\0\0\0\0" + struct.pack("!H", len(option)) + option
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.settimeout(10)
            sock.connect((shop.dns_address, 5300))
            sock.sendall((struct.pack("!H", len(packet)) if tcp else b"") + packet)
            return dns.message.from_wire(sock.recv(4096)[2 if tcp else 0:])
    learned = ask_alone(b"12345678")
    assert learned.rcode() == dns.rcode.NOERROR and not learned.question and len(cookie_of(learned)) == 24
    assert ask_alone(cookie_of(learned)).rcode() == dns.rcode.NOERROR
    assert ask_alone(b"12345678" + b"x" * 16).rcode() == dns.rcode.BADCOOKIE
    for size in (1, 7, 9, 15, 41):
        assert ask_alone(b"1" * size).rcode() == dns.rcode.FORMERR, size


def test_nodes_share_secrets_and_roll_them_over(tmp_path):
    """A cookie of one secret is good on every node that has it, first or second, and no more when it is gone."""
    def states():
        return {state: shop.metric("dns", "meridian_dns_cookies_total", state=state) for state in ("valid", "invalid")}

    def is_valid(cookie):
        before = states()
        ask(shop, cookie)
        return meridian.wait_until(lambda: next((s == "valid" for s in before if states()[s] > before[s]), None) is not None,
                                   "the query is counted") and states()["valid"] > before["valid"]
    with meridian.Shop(tmp_path, with_secrets(tmp_path, FIRST)) as shop:
        shop.start_dns()
        cookie = cookie_of(ask(shop, b"12345678"))
        assert is_valid(cookie) and cookie_of(ask(shop, cookie)) == cookie
        shop.dns.stop()
        write_secrets(tmp_path, SECOND, FIRST)
        shop.start_dns()  # another process, as another node
        assert is_valid(cookie)
        renewed = cookie_of(ask(shop, cookie))
        assert renewed != cookie and is_valid(renewed)
        write_secrets(tmp_path, SECOND)
        status, text = shop.admin("dns", "/reload", method="POST")
        assert status == 200, text
        assert not is_valid(cookie) and is_valid(renewed)
        write_secrets(tmp_path, "too short")
        status, text = shop.admin("dns", "/reload", method="POST")
        assert status != 200 and f"{tmp_path}/secrets:1:1: error: not a cookie secret" in text
        assert is_valid(renewed), "the secret before goes on"


# -- response rate limiting

BURST = 400  # what a receive buffer holds; sent at once, it is an excess however slow the machine is


def burst(shop, message, count, whole=False):
    """How many of so many replies to one network were whole, truncated, BADCOOKIE. `whole`: each query has one."""
    wire = message.to_wire()
    counts = {"whole": 0, "truncated": 0, "badcookie": 0}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind((shop.address("77.1"), 0))
        sock.connect((shop.dns_address, 5300))
        for _ in range(count // BURST):
            before = shop.metric("dns", "meridian_dns_queries_total", transport="udp")
            for _ in range(BURST):
                sock.send(wire)
            meridian.wait_until(lambda: shop.metric("dns", "meridian_dns_queries_total", transport="udp") >= before + BURST, "all are counted")
            receive(sock, 0, counts)
        if whole:
            meridian.wait_until(lambda: receive(sock, 0.1, counts) or sum(counts.values()) == count, f"all have come: {counts}")
        receive(sock, 0.3, counts)
    return counts


def receive(sock, patience, counts):
    sock.settimeout(patience)
    try:
        while True:
            reply = dns.message.from_wire(sock.recv(4096))
            kind = "truncated" if reply.flags & dns.flags.TC else "badcookie" if reply.rcode() == dns.rcode.BADCOOKIE else "whole"
            counts[kind] += 1
    except (TimeoutError, BlockingIOError):
        return


def test_excess_is_limited_slipped_and_lifted_by_tcp_and_cookies(tmp_path):
    with meridian.Shop(tmp_path, with_options(LIMITED)) as shop:
        shop.start_dns()
        plain = dns.message.make_query("static.shop.example", "A", use_edns=0)
        began = time.monotonic()
        found = burst(shop, plain, 3 * BURST)
        took = time.monotonic() - began
        assert 50 <= found["whole"] <= 100 + 50 * took and found["truncated"] > 50 and found["badcookie"] == 0, (found, took)
        # dig is sent to TCP by TC=1 and gets its answer there.
        command = ["dig", "-b", shop.address("77.2"), f"@{shop.dns_address}", "-p", "5300", "+tries=20", "+timeout=1", "static.shop.example"]
        assert "status: NOERROR" in run(*command)
        speaking = dns.message.make_query("static.shop.example", "A")
        speaking.use_edns(0, options=[dns.edns.GenericOption(10, b"12345678")])
        found = burst(shop, speaking, 3 * BURST)
        assert found["badcookie"] > 50 and found["truncated"] == 0, found
        learned = dns.query.tcp(speaking, shop.dns_address, port=5300, timeout=10, source=shop.address("77.1"))
        speaking.use_edns(0, options=[dns.edns.GenericOption(10, cookie_of(learned))])
        assert burst(shop, speaking, 2 * BURST, whole=True) == {"whole": 2 * BURST, "truncated": 0, "badcookie": 0}
        assert shop.metric("dns", "meridian_dns_rate_limited_total", mode="enforce", kind="answer", action="badcookie") > 50


def test_shadow_counts_and_lets_pass(shop):
    """The example has no `rate_limit`: shadow mode and 200/s."""
    assert burst(shop, dns.message.make_query("ns1.shop.example", "A"), 3 * BURST, whole=True) == {"whole": 3 * BURST, "truncated": 0, "badcookie": 0}
    if not meridian.SANITIZED:
        assert shop.metric("dns", "meridian_dns_rate_limited_total", mode="shadow", kind="answer") > 0


# -- floods

FLOODS = {"names": 4000, "nxdomain": 4000, "malformed": 4000, "ecs": 4000, "spoofed": 4000, "large": 4000, "tcp": 300, "slow_tcp": 300}


@pytest.mark.load
def test_floods_leave_honest_clients_probes_and_memory_alone(tmp_path):
    """A short version of bench/floods: one server, all floods, the honest client inside the network that they come from."""
    seconds = float(os.environ.get("MERIDIAN_FLOOD_SECONDS", "0.7"))
    with meridian.Shop(tmp_path, with_options(LIMITED)) as shop:
        shop.start()
        memory = None
        for kind, rate in FLOODS.items():
            done = json.loads(run(meridian.binaries() / "bench_dns_flood", "--server", f"{shop.dns_address}:5300", "--flood", kind, "--rate", rate,
                                  "--seconds", seconds, "--grace", 10, "--client-rate", 100, "--connections", 500, "--names", "node-%u.shop.example", "--names-count", 20,
                                  "--zone", "shop.example", "--wildcard", "customers.shop.example", "--steered", "www.shop.example",
                                  "--name", "ns1.shop.example", "--large", "large.shop.example"))
            honest, plain = done["with_cookie"], done["without_cookie"]
            assert done["cookie_learned"] and done["offered_per_second"] > 0, (kind, done)
            assert honest["answered"] >= 0.99 * honest["sent"] and honest["wrong"] == plain["wrong"] == 0, (kind, done)
            assert plain["answered"] + plain["truncated"] >= 0.9 * plain["sent"], (kind, done)
            memory = memory or shop.dns.memory_kib()  # after the first: all buffers are there
        assert shop.dns.memory_kib() < memory + 32 * 1024, "what half queries may hold, and no more"
        meridian.wait_until(lambda: shop.metric("dns", "meridian_dns_tcp_open") < 500, "flood connections are gone")
        meridian.wait_until(lambda: all(region["state"] == "up" for region in shop.status()["regions"]), "all regions are up")
        meridian.eventually(lambda: shop.metric("dns", "meridian_dns_rate_limited_total", mode="enforce") > 0, "and here")


# -- descriptors

def test_idle_connections_beyond_the_descriptors_keep_nobody_out(tmp_path):
    """The cap of TCP connections is what there are descriptors for: the longest idle make room, and the node does all else as before."""
    with meridian.Shop(tmp_path) as shop:
        program = [meridian.binaries() / "meridian-dns", "--config", shop.config]
        process = shop.launch("dns", ["prlimit", "--nofile=150:150", *program])
        meridian.wait_until(lambda: not process.running() or shop.query("shop.example", "SOA", timeout=2).answer, "the DNS server answers")
        assert process.running(), process.text()
        idle = [socket.create_connection((shop.dns_address, 5300), timeout=60) for _ in range(400)]
        try:
            for _ in range(50):
                assert shop.query("ns1.shop.example", tcp=True, timeout=60).answer
            assert process.descriptors() < 140, "the cap leaves some for all else"
            assert shop.status()["serving"], "the admin port has its own"
            assert "no descriptors" not in process.text()
        finally:
            for connection in idle:
                connection.close()
