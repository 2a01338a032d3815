"""Which requests share a stored response and which must not: what poisons nobody, parameters that the key leaves out, and one entry for each
coding (docs/cache.md)."""
import gzip
import http.client
import shutil
import subprocess

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

FRESH = b"Cache-Control: max-age=3600\r\n"
TEXT = b"".join(b"line %06d of a page\n" % n for n in range(1000))


@pytest.fixture
def slot():
    with meridian.Lease() as held:
        yield held


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        running.answer = lambda head: ok(head.split(b" ")[1], FRESH)
        running.script = answering(lambda head: running.answer(head))
        yield running


def caching(tmp_path, slot, server, cache=None, edge=None, **route):
    routes = [{"path": "/", "pool": "web", "cache": {"store": "main", **(cache or {})}, **route}]
    return LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": {"main": {"size": "64MiB"}}, **(edge or {})})


def targets(server):
    return [head.split(b" ")[1].decode() for _, head in server.heads]


def test_only_the_parameters_of_the_key_count_and_are_told(slot, server, tmp_path):
    with caching(tmp_path, slot, server, {"key": [{"query": "page"}, {"query": "f_*"}]}) as edge:
        assert edge.get("/a?utm_source=evil&page=2&x=1")[2] == b"/a?page=2"
        status, headers, body = edge.get("/a?page=2&y=3")
        assert body == b"/a?page=2" and "hit" in headers["Cache-Status"]
        assert edge.get("/a?page=3")[2] == b"/a?page=3" and edge.get("/a?f_b=1&page=3")[2] == b"/a?f_b=1&page=3"
        assert edge.get("/a?zzz")[2] == b"/a" and edge.get("/a")[2] == b"/a"
        assert targets(server) == ["/a?page=2", "/a?page=3", "/a?f_b=1&page=3", "/a"]
        assert edge.admin("/cache/purge?url=lone.example/a%3Fpage%3D2")[1] == "1 responses purged\n"
        edge.get("/a?page=2&z=1")
        assert len(server.heads) == 5
        edge.get("/a?page=2&any=1", method="POST", body=b"x")
        edge.get("/a?page=2")
        assert len(server.heads) == 7, "a POST to any of its forms invalidates it"


def test_a_client_that_takes_trailers_asks_for_none_of_what_is_stored_for_all(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        assert edge.get("/a", Connection="TE", TE="trailers")[0] == 200
        assert "hit" in edge.get("/a")[1]["Cache-Status"] and b"trailers" not in server.heads[0][1]


def test_all_but_some_parameters_count(slot, server, tmp_path):
    with caching(tmp_path, slot, server, {"key": [{"query_except": "utm_*"}, {"query_except": "sid"}]}) as edge:
        assert edge.get("/a?utm_campaign=1&b=2&sid=3&c")[2] == b"/a?b=2&c"
        assert "hit" in edge.get("/a?sid=9&b=2&c&utm_x=1")[1]["Cache-Status"]
        assert edge.get("/a?c&b=2")[2] == b"/a?c&b=2"
        edge.config["edge"]["routes"][0]["cache"]["key"].append({"query": "b"})
        assert "query says which parameters count, query_except which do not" in edge.reload(422)
        edge.config["edge"]["routes"][0]["cache"]["key"] = [{"query": "a&b"}]
        assert "is not the name of a parameter" in edge.reload(422)


def unpacked(headers, body):
    coding = headers["Content-Encoding"]
    if coding == "gzip":
        return gzip.decompress(body)
    if coding == "br":
        return subprocess.run(["brotli", "-dc"], input=body, capture_output=True, check=True, timeout=60).stdout
    assert coding is None
    return body


needs_brotli = pytest.mark.skipif(shutil.which("brotli") is None, reason="brotli is not installed")


def text(server, more=b""):
    server.answer = lambda head: ok(TEXT, b'Content-Type: text/plain\r\nETag: "1"\r\n' + FRESH + more)


@needs_brotli
def test_the_compressed_variant_is_stored_once_for_each_coding(slot, server, tmp_path):
    text(server)
    with caching(tmp_path, slot, server, compression={"codings": ["br", "gzip"]}) as edge:
        def get(accepted, **more):
            return edge.get("/page", **({"Accept-Encoding": accepted} if accepted else {}), **more)
        for accepted, coding in (("gzip", "gzip"), ("gzip, deflate", "gzip"), ("gzip;q=1, br;q=0.5", "gzip"), ("gzip, deflate, br, zstd", "br"), ("br", "br"),
                                 ("", None), ("identity", None), ("deflate", None)):
            status, headers, body = get(accepted)
            assert status == 200 and headers["Content-Encoding"] == coding and unpacked(headers, body) == TEXT, accepted
            assert headers["Vary"] == "Accept-Encoding" and headers["ETag"] == ('W/"1"' if coding else '"1"')
        assert len(server.heads) == 3, "one fetch for each coding"
        asked = [next((line for line in head.split(b"\r\n") if line.lower().startswith(b"accept-encoding")), None) for _, head in server.heads]
        assert asked == [b"Accept-Encoding: gzip", b"Accept-Encoding: br", None]
        assert edge.metric("meridian_edge_cache_entries") == 3
        before = edge.metric("meridian_edge_compression_in_bytes_total")
        assert get("gzip")[1]["Content-Length"] is not None, "its length is known now"
        assert edge.metric("meridian_edge_compression_in_bytes_total") == before, "a hit compresses nothing"
        status, headers, body = get("br", Range="bytes=0-9")
        assert status == 200 and unpacked(headers, body) == TEXT, "no part of a coding of ours"
        status, headers, body = get("", Range="bytes=0-9")
        assert (status, body) == (206, TEXT[:10])
        assert get("gzip", **{"If-None-Match": 'W/"1"'})[0] == 304


def test_a_compressed_entry_is_validated(slot, server, tmp_path):
    text(server, b"")
    server.answer = lambda head: ok(TEXT, b'Content-Type: text/plain\r\nETag: "1"\r\nCache-Control: max-age=0\r\nVary: X\r\n')
    with caching(tmp_path, slot, server, compression={"codings": ["gzip"]}) as edge:
        assert unpacked(*edge.get("/v", **{"Accept-Encoding": "gzip"})[1:]) == TEXT
        server.answer = lambda head: b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nVary: X\r\nX-Turn: 2\r\n' + FRESH + b"\r\n" if b"If-None-Match" in head else ok(TEXT, b"Content-Type: text/plain\r\n" + FRESH)
        status, headers, body = edge.get("/v", **{"Accept-Encoding": "gzip"})
        assert headers["X-Turn"] == "2" and headers["ETag"] == 'W/"1"' and unpacked(headers, body) == TEXT
        assert {part.strip() for line in headers.get_all("Vary") for part in line.split(",")} == {"X", "Accept-Encoding"}
        status, headers, body = edge.get("/v")
        assert headers["Content-Encoding"] is None and body == TEXT, "it answers nobody who does not take it"


def test_what_is_not_compressed_is_shared_by_all(slot, server, tmp_path):
    server.answer = lambda head: ok(b"\0" * 5000, b"Content-Type: image/png\r\n" + FRESH)
    with caching(tmp_path, slot, server, compression={}) as edge:
        for accepted in ("gzip", "br, gzip", "identity"):
            assert edge.get("/i", **{"Accept-Encoding": accepted})[2] == b"\0" * 5000
        assert len(server.heads) == 1


# What a client sends and the key does not hold must not reach others.
@pytest.mark.parametrize("line", ["X-Forwarded-Host: evil.test", "X-Forwarded-Proto: gopher", "X-Forwarded-Port: 1", "Forwarded: host=evil.test", "X-Customer-Tier: gold",
                                  "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "X-HTTP-Method-Override: DELETE", "X_Forwarded_Host: evil.test"])
@pytest.mark.parametrize("trusted", ["192.0.2.9", "127.0.0.0/8"])
def test_fields_that_are_not_in_the_key_poison_nobody(slot, server, tmp_path, line, trusted):
    server.answer = lambda head: ok(head, FRESH)
    tiers = {"tiers": {"order": ["free", "gold"], "from": [{"header": "X-Customer-Tier"}]}, "trusted_proxies": [trusted]}
    with caching(tmp_path, slot, server, edge=tiers) as edge:
        name, value = line.split(": ")
        edge.get("/p", **{name: value})
        body = edge.get("/p")[2]
        for word in (b"evil", b"gopher", b"/admin", b"DELETE", b"gold"):
            assert word not in body


def test_a_stale_response_is_fetched_from_its_own_route_however_many_fields_ask(slot, server, tmp_path):
    server.answer = lambda head: ok(b"own %d" % len(server.heads), b'Cache-Control: max-age=0\r\nETag: "e"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n')
    routes = [{"path": "/", "method": "GET", "pool": "web", "cache": {"store": "main"}}, {"path": "/", "pool": "rest"}]
    with Scripted(slot_address(slot, "2.2"), answering(lambda head: ok(b"of other methods", FRESH))) as rest, \
            LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": {"main": {"size": "64MiB"}}}, pools={"rest": {"servers": [rest.name]}}) as edge:
        assert edge.get("/p")[2] == b"own 1"
        for fields in (98, 99, 100):  # with Host and Accept-Encoding
            assert edge.get("/p", **{f"X-{n}": "y" for n in range(fields - 2)})[2] == b"own %d" % len(server.heads)
            assert b"If-None-Match" in server.heads[-1][1] and b"If-Modified-Since" in server.heads[-1][1], fields
        assert not rest.heads and edge.get("/p")[2] == b"own 5"


@pytest.mark.parametrize("path", ["/key", "/vary", "/route"])
@pytest.mark.parametrize("fields", [{"X-Device": "phone", "Connection": "X-Device"}, {"X_Device": "phone"}])
def test_a_field_that_the_server_sees_otherwise_than_the_cache_poisons_nobody(slot, server, tmp_path, path, fields):
    def answer(head):
        phone = b"\r\nx-device: phone" in head.lower().replace(b"_", b"-")  # as a framework does that makes HTTP_X_DEVICE of it
        return ok(b"phone" if phone else b"desk", FRESH + (b"Vary: X-Device\r\n" if b"/vary" in head else b""))
    server.answer = answer
    cache = {"store": "main"}
    routes = [{"path": "/key", "pool": "web", "cache": {**cache, "key": [{"header": "X-Device"}]}}, {"path": "/route", "header": {"X-Device": "phone"}, "pool": "web", "cache": cache},
              {"path": "/", "pool": "web", "cache": {**cache, "key": [{"header": "X-Device"}]} if path == "/route" else cache}]
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": {"main": {"size": "64MiB"}}}) as edge:
        with edge.raw() as sock:
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: lone.example\r\n{lines}\r\n".encode())
            # The route, or its key, goes by what the server would not get; or the route by what the server may read as its own.
            refused = path != "/vary" if "Connection" in fields else path == "/route"
            assert sock.recv(4096).startswith(b"HTTP/1.1 400" if refused else b"HTTP/1.1 200")
        assert edge.get(path, X_Device="phone")[2] == b"phone"
        assert edge.get(path)[2] == b"desk"


def test_a_cookie_that_stands_twice_poisons_nobody(slot, server, tmp_path):
    server.answer = lambda head: ok(head.split(b"lang=")[-1][:2] if b"lang=" in head else b"no", FRESH)  # the last one, as some frameworks do
    with caching(tmp_path, slot, server, {"key": [{"cookie": "lang"}]}) as edge:
        assert edge.get("/", Cookie="lang=de; lang=en")[2] == b"en"
        assert edge.get("/", Cookie="lang=de")[2] == b"de"


def test_tiers_keys_and_sessions_are_told_apart(slot, server, tmp_path):
    server.answer = lambda head: ok(head, FRESH)
    (tmp_path / "keys").write_text("# public: for tests\nkey-of-gold gold\n")
    edge_options = {"tiers": {"order": ["free", "gold"], "from": [{"api_key": f"{tmp_path}/keys"}]}}
    with caching(tmp_path, slot, server, {"key": [{"header": "X-Device"}, {"cookie": "lang"}]}, edge=edge_options) as edge:
        assert b"X-Customer-Tier: gold" in edge.get("/t", X_Api_Key="key-of-gold")[2]
        assert b"X-Customer-Tier: free" in edge.get("/t")[2]
        assert b"phone" in edge.get("/d", X_Device="phone")[2] and b"phone" not in edge.get("/d", X_Device="desk")[2]
        assert b"lang=de" in edge.get("/l", Cookie="a=1; lang=de")[2] and b"lang=de" not in edge.get("/l", Cookie="lang=en")[2]
        before = len(server.heads)
        edge.get("/l", Cookie="lang=de; b=2")
        assert len(server.heads) == before, "another cookie is no other key"


def test_forms_of_one_url_are_one_and_others_are_not(slot, server, tmp_path):
    server.answer = lambda head: ok(head, FRESH)
    with caching(tmp_path, slot, server) as edge:
        def asks(target, host="lone.example"):
            before = len(server.heads)
            with edge.raw() as sock:
                sock.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                while sock.recv(65536):
                    pass
            return len(server.heads) - before
        assert asks("/a/b") == 1
        for target, host in (("/a/b", "LONE.example"), ("/x/../a/%62", "lone.example"), ("/a/./b", "lone.example"), ("http://lone.example/a/b", "lone.example")):
            assert asks(target, host) == 0, target
        for target, host in (("/a//b", "lone.example"), ("/a/b?", "lone.example"), ("/a%2fb", "lone.example"), ("/a/b", "lone.example:8080"), ("/A/b", "lone.example"), ("/a/b/", "lone.example")):
            assert asks(target, host) == 1, target


def test_a_get_with_a_body_and_an_overlong_head_touch_nothing_that_is_stored(slot, server, tmp_path):
    server.answer = lambda head: ok(b"fat" if b"ontent-Length: 3" in head else b"slim", FRESH)
    with caching(tmp_path, slot, server) as edge:
        assert edge.get("/f", body=b"abc")[2] == b"fat"
        assert edge.get("/f")[2] == b"slim"
        assert edge.get("/f", body=b"abc")[2] == b"fat"
        assert edge.get("/f")[2] == b"slim" and len(server.heads) == 3
        assert edge.get("/o", X_Large="x" * 40_000)[0] == 431
        assert edge.get("/o")[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_made_up_key_takes_nothing_out_of_the_store(slot, server, tmp_path, method):
    """What a server says to one alone is nothing to others, in the good as in the bad."""
    page = FRESH + b'ETag: "abc"\r\n'
    answer = lambda head: b"HTTP/1.1 304 Not Modified\r\n" + page + b"\r\n" if b"If-None-Match" in head else ok(b"page", page)
    server.answer = lambda head: answer(head)[:-4] if head.startswith(b"HEAD") else answer(head)
    with caching(tmp_path, slot, server) as edge:
        assert edge.get("/page")[2] == b"page"
        for n in range(3):
            assert edge.get("/page", method=method, X_Api_Key=f"guess{n}", Cache_Control="no-cache")[0] == 200
        assert len(server.heads) == 4
        assert "hit" in edge.get("/page")[1]["Cache-Status"] and len(server.heads) == 4


def test_the_fullest_head_says_all_that_the_edge_adds(slot, server, tmp_path, monkeypatch):
    """As many fields as an answer may have: those of the sticky session, the limit, the cache and the coding come besides."""
    monkeypatch.setattr(http.client, "_MAXHEADERS", 200)
    secret = tmp_path / "sticky.keys"
    secret.write_text("0123456789abcdef0123456789abcdef\n")
    secret.chmod(0o600)
    lines = b"Content-Type: text/plain\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(97))  # and Content-Length and Cache-Control
    server.answer = lambda head: ok(b"long enough " * 400, FRESH + lines)
    routes = [{"path": "/", "pool": "web", "limits": ["api"], "cache": {"store": "main"}}, {"path": "/direct", "pool": "web", "limits": ["api"]}]
    edge = LoneEdge(tmp_path, slot, [server.name], routes=routes, pool={"sticky": {"keys": str(secret), "secure": False}},
                    edge={"caches": {"main": {"size": "64MiB"}}, "compression": {}, "limits": {"api": {"rate": "100/s", "burst": 50, "announce": True}}})
    added = {"RateLimit", "RateLimit-Policy", "Content-Encoding", "Vary"}
    with edge:
        for path, more in (("/direct", {"Set-Cookie"}), ("/", {"Cache-Status"}), ("/", {"Cache-Status", "Age"})):
            status, headers, _ = edge.get(path, Accept_Encoding="gzip")
            assert status == 200 and headers["X-96"] == "y", path
            assert (added | more) - set(headers.keys()) == set(), path
        assert len(server.heads) == 2


@pytest.mark.parametrize(("target", "first", "second"), [("http://lone.example/old", b"fwd=uri-miss", b"hit"), ("/old", b"fwd=bypass", b"fwd=bypass")])
def test_http_1_0_without_a_host_is_answered_and_copied(slot, server, tmp_path, target, first, second):
    """RFC 9112 3.2: only 1.1 asks for a Host. What is stored is that of the host which the target names, if it names one."""
    with Scripted(slot_address(slot, "2.2")) as copies, \
            LoneEdge(tmp_path, slot, [server.name], pools={"shadow": {"servers": [copies.name]}}, edge={"caches": {"main": {"size": "64MiB"}}},
                     routes=[{"path": "/", "pool": "web", "cache": {"store": "main"}, "mirror": {"pool": "shadow"}}]) as edge:
        for said in (first, second):
            with edge.raw() as sock:
                sock.sendall(b"GET %s HTTP/1.0\r\n\r\n" % target.encode())
                answer = b"".join(iter(lambda: sock.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 200 ") and said in answer.partition(b"Cache-Status: ")[2].partition(b"\r\n")[0], answer
        asked = 1 if second == b"hit" else 2
        assert len(server.heads) == asked
        meridian.eventually(lambda: len(copies.heads) == asked, "what a server is asked comes to the mirror, too")
        assert ("hit" in edge.get("/old")[1]["Cache-Status"]) == (second == b"hit")


def test_a_part_always_says_which_it_is(slot, server, tmp_path, monkeypatch):
    monkeypatch.setattr(http.client, "_MAXHEADERS", 200)
    lines = b"Content-Range: bytes 5-6/7\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(97))  # with Content-Length and Cache-Control as many as may be
    server.answer = lambda head: ok(b"0123456789", FRESH + lines)
    with caching(tmp_path, slot, server) as edge:
        assert edge.get("/p")[0] == 200
        status, headers, body = edge.get("/p", Range="bytes=2-4")
        assert status == 206 and body == b"234" and headers.get_all("Content-Range") == ["bytes 2-4/10"]
        status, headers, _ = edge.get("/p", Range="bytes=99-")
        assert status == 416 and headers.get_all("Content-Range") == ["bytes */10"]
        assert len(server.heads) == 1
