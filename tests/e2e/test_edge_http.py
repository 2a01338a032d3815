"""The edge seen from outside: routing, tiers, access lists, fields, framing (RFC 9110, 9112)."""
import hashlib
import http.client
import json
import socket
import subprocess
import time

import pytest

import meridian

REGION = "eu"


def get_json(shop, path, headers=None, **options):
    status, fields, body = shop.edge_get(REGION, path, headers, **options)
    assert status == 200, (status, body)
    return json.loads(body), fields


@pytest.mark.parametrize(("path", "pool"), [
    ("/", "web"), ("/index.html", "web"), ("/api/", "api"), ("/api/items", "api"), ("/api", "api"), ("/apiary", "web"),
    ("/checkout/cart", "checkout"), ("/search/?q=a%20b", "search"), ("//api//items", "api"), ("/x/../api/items", "api"), ("/%61pi/items", "api"),
])
def test_routes_by_path(shop, path, pool):
    assert get_json(shop, path)[0]["pool"] == pool


def test_pools_are_of_the_own_region_and_balanced(shop):
    # One connection is one worker, and each worker turns its own wheel: the shares are exact.
    connection = http.client.HTTPConnection(shop.edge_address(REGION), 8080, timeout=10)

    def servers(path, count):
        names = []
        for _ in range(count):
            connection.request("GET", path, headers={"Host": "www.shop.example"})
            names.append(json.loads(connection.getresponse().read())["server"])
        return {n: names.count(n) for n in names}
    assert servers("/api/items", 20) == {f"eu-api-{n}": 4 for n in range(1, 6)}
    assert servers("/", 60) == {"eu-web-1": 30, "eu-web-2": 20, "eu-web-3": 10}
    connection.close()


def test_tier_by_api_key_and_forged_tier_header(shop):
    key = next(line.split()[0] for line in (shop.zones / "shop.keys").read_text().splitlines() if line.endswith("enterprise"))
    assert get_json(shop, "/", {"X-Api-Key": key})[0]["pool"] == "enterprise"
    assert get_json(shop, "/", {"X-Customer-Tier": "enterprise"})[0]["pool"] == "web"
    assert get_json(shop, "/", {"X-Api-Key": "no-such-key"})[0]["pool"] == "web"
    # A trusted proxy may say the tier, and /api/ beats the tier rule on /.
    trusted = (shop.address("8.9"), 0)
    connection = http.client.HTTPConnection(shop.edge_address(REGION), 8080, source_address=trusted, timeout=10)
    connection.request("GET", "/", headers={"Host": "www.shop.example", "X-Customer-Tier": "enterprise"})
    assert json.loads(connection.getresponse().read())["pool"] == "enterprise"
    connection.request("GET", "/api/x", headers={"Host": "www.shop.example", "X-Customer-Tier": "enterprise"})
    assert json.loads(connection.getresponse().read())["pool"] == "api"
    connection.close()


@pytest.mark.parametrize("path", ["/admin/", "/admin/users", "//admin/users", "/./admin/users", "/%61dmin/users", "/api/../admin/users", "/x/%2e%2e/admin/"])
def test_admin_is_for_the_office_only(shop, path):
    assert shop.edge_get(REGION, path)[0] == 403
    connection = http.client.HTTPConnection(shop.edge_address(REGION), 8080, source_address=(shop.address("7.9"), 0), timeout=10)
    connection.request("GET", path, headers={"Host": "www.shop.example"})
    response = connection.getresponse()
    assert response.status == 200 and json.loads(response.read())["pool"] == "admin"
    connection.close()


def test_path_whose_decoded_twin_is_another_route_is_refused(shop):
    assert shop.edge_get(REGION, "/api/..%2fadmin/users")[0] == 400
    assert get_json(shop, "/files/a%2fb")[0]["path"].startswith("/files/a%2fb")
    for path in ("/a%00b", "/a%5cb", "/a\\b", "/a%c0%afb"):
        reply = meridian.raw_exchange((shop.edge_address(REGION), 8080), f"GET {path} HTTP/1.1\r\nHost: www.shop.example\r\n\r\n".encode())
        assert reply.startswith(b"HTTP/1.1 400"), path


def test_forwarding_fields_are_overwritten_unless_trusted(shop):
    got, _ = get_json(shop, "/?headers=all", {"X-Forwarded-For": "203.0.113.99", "X-Real-IP": "203.0.113.99", "Proxy": "evil", "Forwarded": "for=1.2.3.4"})
    fields = {k.lower(): v for k, v in got["headers"].items()}
    assert "203.0.113.99" not in json.dumps(fields)
    assert fields["x-forwarded-for"] == fields["x-real-ip"] and fields["x-forwarded-proto"] == "http"
    assert "proxy" not in fields and fields["host"] == "www.shop.example"


def test_response_header_rules(shop):
    _, fields = get_json(shop, "/checkout/cart")
    assert fields["Cache-Control"] == "no-store"


def test_bodies_both_ways_keep_their_digest(shop):
    payload = bytes(range(256)) * 32768
    got, _ = get_json(shop, "/", method="POST", body=payload)
    assert hashlib.sha256(payload).hexdigest() in json.dumps(got)
    plain = shop.edge_get(REGION, "/?bytes=3000000")[2]
    chunked = shop.edge_get(REGION, "/?bytes=3000000&chunked=1")[2]
    unframed = shop.edge_get(REGION, "/?bytes=3000000&length=none")[2]
    assert len(plain) == 3000000 and plain == chunked == unframed


def test_curl_over_one_kept_connection(shop):
    url = f"http://{shop.edge_address(REGION)}:8080"
    done = subprocess.run(["curl", "-sS", "-v", "-H", "Host: www.shop.example", f"{url}/api/1", f"{url}/api/2", "-I", f"{url}/"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "Re-using existing connection" in done.stderr


def test_expect_continue(shop):
    done = subprocess.run(["curl", "-sS", "-v", "--expect100-timeout", "20", "-H", "Expect: 100-continue", "-H", "Host: www.shop.example",
                           "--data-binary", "x" * 100000, "-w", "%{time_total}", f"http://{shop.edge_address(REGION)}:8080/"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "< HTTP/1.1 100 Continue" in done.stderr and "< HTTP/1.1 200 OK" in done.stderr
    answer, _, seconds = done.stdout.rpartition("}")
    assert json.loads(answer + "}")["body_bytes"] == 100000
    assert float(seconds) < 15, "curl sends the body unasked after 20 s"


HOST = b"Host: www.shop.example\r\n"
AMBIGUOUS = [
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0x3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\nHost: www.shop.example\n\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b": empty\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    b"GET / HTTP/1.1\r\n X: leading\r\n" + HOST + b"\r\n",
    b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: user@www.shop.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: www.shop.example, b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: www.shop.example/x\r\n\r\n",
    b"GET http://other.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n",
    b"GET / http/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    b"GET / HTTP/2.1\r\n" + HOST + b"\r\n",
]


@pytest.mark.parametrize("request_bytes", AMBIGUOUS, ids=range(len(AMBIGUOUS)))
def test_ambiguous_framing_is_refused_and_nothing_is_forwarded(shop, request_bytes):
    def served():
        return sum(s["served"] for s in json.loads(meridian.http_get(shop.address("3.11"), 9000, "/stats")[2]))
    before = served()
    smuggled = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    reply = meridian.raw_exchange((shop.edge_address(REGION), 8080), request_bytes + smuggled)
    assert reply[:9] == b"HTTP/1.1 " and reply[9:12] in (b"400", b"501", b"505"), reply[:200]
    assert reply.count(b"HTTP/1.1 ") == 1 and b"connection: close" in reply.lower()
    assert served() == before


CHUNK_HEAD = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("body", [b"3;\nabc\r\n0\r\n\r\n", b"3\nabc\r\n0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"+3\r\nabc\r\n0\r\n\r\n",
                                  b"11111111111111111\r\nabc", b" 3\r\nabc\r\n0\r\n\r\n", b"3;" + b"x" * 5000 + b"\r\nabc\r\n0\r\n\r\n"])
def test_bad_chunks_are_refused(shop, body):
    reply = meridian.raw_exchange((shop.edge_address(REGION), 8080), CHUNK_HEAD + body + b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
    assert reply[9:12] == b"400" and reply.count(b"HTTP/1.1 ") == 1, reply[:300]


def test_limits_of_the_head(shop):
    address = (shop.edge_address(REGION), 8080)
    many = b"".join(b"X-%d: y\r\n" % n for n in range(101))
    assert meridian.raw_exchange(address, b"GET / HTTP/1.1\r\n" + HOST + many + b"\r\n")[9:12] == b"431"
    assert meridian.raw_exchange(address, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40000 + b"\r\n\r\n")[9:12] == b"431"
    assert meridian.raw_exchange(address, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + HOST + b"\r\n")[9:12] == b"414"


def test_pipelined_requests_are_answered_in_order(shop):
    data = b"".join(b"GET /api/%d HTTP/1.1\r\n" % n + HOST + (b"Connection: close\r\n" if n == 9 else b"") + b"\r\n" for n in range(10))
    reply = meridian.raw_exchange((shop.edge_address(REGION), 8080), data)
    paths = [line for line in reply.split(b'"') if line.startswith(b"/api/")]
    assert paths == [b"/api/%d" % n for n in range(10)]


def test_head_and_http_1_0(shop):
    reply = meridian.raw_exchange((shop.edge_address(REGION), 8080), b"HEAD / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and body == b""
    reply = meridian.raw_exchange((shop.edge_address(REGION), 8080), b"GET /api/ HTTP/1.0\r\n" + HOST + b"\r\n")
    assert reply.split(b" ")[1] == b"200"


def test_early_hints_arrive_before_the_answer(shop):
    reply = meridian.raw_exchange((shop.edge_address(REGION), 8080), b"GET /?early=1 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 103") and b"\r\n\r\nHTTP/1.1 200" in reply


def test_a_backend_that_dies_is_left(fragile_shop):
    """A refused connect is retried elsewhere: nobody sees it."""
    shop = fragile_shop
    meridian.http_get(shop.address("3.21"), 9000, "/fail?mode=off&name=eu-api-1", method="POST")
    statuses = [shop.edge_get(REGION, "/api/items")[0] for _ in range(40)]
    assert statuses == [200] * 40


def test_all_backends_of_a_pool_dead_is_a_5xx_with_a_reason(fragile_shop):
    shop = fragile_shop
    log = shop.edge(REGION).text
    before = len(log())  # before the cause: two checks are enough, and it is said once
    meridian.http_get(shop.address("3.41"), 9000, "/fail?mode=off&name=eu-search-1", method="POST")
    meridian.http_get(shop.address("3.11"), 9000, "/fail?mode=off&name=eu-search-2", method="POST")
    status, _, _ = shop.edge_get(REGION, "/search/")
    assert status in (502, 503)
    assert shop.edge_get(REGION, "/api/")[0] == 200
    meridian.wait_until(lambda: any("event=pool_all_down" in line and "search" in line for line in log()[before:].splitlines()), "the log names the pool")


def test_slow_head_is_ended_by_an_absolute_deadline(shop):
    began = time.monotonic()
    with socket.create_connection((shop.edge_address(REGION), 8080), timeout=30) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        sock.settimeout(0.5)
        received = b""
        for _ in range(60):
            try:
                sock.sendall(b"X: y\r\n")
                chunk = sock.recv(4096)
                received += chunk
                if not chunk:
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("a trickling head was never ended")
        assert received == b"" or received[9:12] == b"408"  # a reset for what it sent last may take the answer with it
        assert 9 < time.monotonic() - began < 20, "head_timeout is 10 s"


def test_clients_that_leave_without_a_word_harm_nobody(shop):
    address = (shop.edge_address(REGION), 8080)
    with socket.create_connection(address, timeout=60) as stays:
        began = time.monotonic()
        for _ in range(100):
            if time.monotonic() > began + 3:  # its head has ten seconds
                break
            socket.create_connection(address, timeout=10).close()
            with socket.create_connection(address, timeout=10) as half:
                half.sendall(b"GET /api/items HT")
        stays.sendall(b"GET /api/items HTTP/1.1\r\nHost: www.shop.example\r\nConnection: close\r\n\r\n")
        received = b""
        while chunk := stays.recv(65536):
            received += chunk
    assert received.startswith(b"HTTP/1.1 200") and received.count(b"HTTP/1.1") == 1
    assert shop.edge(REGION).running()
