"""Which requests share a stored response: parameters that the key leaves out, and one entry for each coding (docs/cache.md)."""
import gzip
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


def caching(tmp_path, slot, server, cache=None, **route):
    routes = [{"path": "/", "pool": "web", "cache": {"store": "main", **(cache or {})}, **route}]
    return LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": {"main": {"size": "64MiB"}}})


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
