"""Answers compressed on their way, seen with real clients: codings, tags, streams, and what stays as it is (docs/content.md)."""
import gzip
import hashlib
import http.client
import os
import random
import socket
import subprocess
import threading
import zlib

import pytest

import meridian
from h2_client import H2
from lone_edge import LoneEdge, Scripted, slot_address

WORDS = [b"alpha", b"beta", b"gamma", b"delta", b"epsilon", b"zeta"]
TEXT = b" ".join(random.Random(1).choice(WORDS) for _ in range(60000))


def answer(body=TEXT, kind=b"text/html", more=b"", status=b"200 OK"):
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nETag: \"v1\"\r\nAccept-Ranges: bytes\r\nContent-Length: %d\r\n%s\r\n%s" % (status, kind, len(body), more, body)


def make(head):
    path = head.split(b" ")[1]
    body = b"" if head.startswith(b"HEAD") else None
    if path == b"/image":
        return answer(kind=b"image/png")
    if path == b"/small":
        return answer(TEXT[:500])
    if path == b"/encoded":
        return answer(more=b"Content-Encoding: x-own\r\n")
    if path == b"/no-transform":
        return answer(more=b"Cache-Control: no-transform\r\n")
    if path == b"/part":
        return answer(more=b"Content-Range: bytes 0-9/10\r\n", status=b"206 Partial Content")
    if path == b"/varies":
        return answer(more=b"Vary: Origin, accept-encoding\r\n")
    whole = answer()
    return whole[:-len(TEXT)] if body is not None else whole


heard = threading.Event()  # an event of the stream was decoded


def events(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for n in range(10):
        event = b"data: %d\n\n" % n
        heard.clear()
        exchange.send(b"%x\r\n%s\r\n" % (len(event), event))
        if not heard.wait(60):
            return
    exchange.send(b"0\r\n\r\n")


def serve(exchange):
    while head := exchange.read_head():
        path = head.split(b" ")[1]
        if path == b"/events":
            events(exchange)
        elif path == b"/cut":
            return exchange.send(answer()[:-1000])
        else:
            exchange.send(make(head))


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    directory = tmp_path_factory.mktemp("compression")
    root = directory / "www"
    root.mkdir()
    (root / "a.txt").write_bytes(TEXT)
    (root / "b.bin").write_bytes(TEXT)
    for name in ("a.txt", "b.bin"):
        os.utime(root / name, (784111777, 784111777))
    routes = [{"path": "/", "pool": "web"}, {"path": "/plain", "pool": "web", "compression": {"enabled": False}},
              {"path": "/files/", "files": {"root": str(root)}}, {"path": "/gzip", "pool": "web", "compression": {"codings": "gzip", "gzip_level": 9}},
              {"path": "/hints", "pool": "web", "early_hints": ["</style.css>; rel=preload; as=style", "</app.js>; rel=preload; as=script"]}]
    with meridian.Lease() as slot, Scripted(slot_address(slot, "2.1"), serve) as server, \
            LoneEdge(directory, slot, [server.name], edge={"compression": {}}, routes=routes) as running:
        running.server = server
        yield running


def decode(coding, data):
    if coding == "gzip":
        return gzip.decompress(data)
    tool = {"br": ["brotli", "-d", "-c"], "zstd": ["zstd", "-d", "-c"]}[coding]
    try:
        return subprocess.run(tool, input=data, capture_output=True, timeout=60, check=True).stdout
    except FileNotFoundError:
        pytest.skip(f"no {tool[0]} here")


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("path", ["/", "/files/a.txt"])
def test_each_coding_brings_the_same_octets(edge, coding, path):
    status, fields, body = edge.get(path, Accept_Encoding=coding)
    assert (status, fields["Content-Encoding"], fields["Vary"]) == (200, coding, "Accept-Encoding")
    assert "Content-Length" not in fields and "Accept-Ranges" not in fields
    assert fields["ETag"].startswith('W/"')
    assert len(body) < len(TEXT) / 2
    assert decode(coding, body) == TEXT
    head = edge.get(path, method="HEAD", Accept_Encoding=coding)[1]
    for name in ("Content-Encoding", "Vary", "ETag", "Content-Type", "Content-Length"):
        assert head[name] == fields[name], name


def test_curl_takes_it_by_every_protocol(edge):
    for version in ("--http1.0", "--http1.1", "--http2-prior-knowledge"):
        for path in ("/", "/files/a.txt"):
            got = subprocess.run(["curl", "-sS", "--compressed", version, f"http://{edge.host}:8080{path}"], capture_output=True, timeout=60, check=True).stdout
            assert hashlib.sha256(got).digest() == hashlib.sha256(TEXT).digest(), (version, path)


def test_weights_and_who_takes_none(edge):
    for accepts, coding in (("gzip, br, zstd", "zstd"), ("gzip;q=1, br;q=0.5", "gzip"), ("gzip;q=0", None), ("identity", None), ("deflate", None), ("*", "zstd")):
        status, fields, body = edge.get("/", Accept_Encoding=accepts)
        assert (status, fields["Content-Encoding"], fields["Vary"]) == (200, coding, "Accept-Encoding"), accepts
        if coding is None:
            assert body == TEXT and fields["ETag"] == '"v1"' and fields["Content-Length"] == str(len(TEXT))
    assert edge.get("/gzip", Accept_Encoding="gzip, zstd")[1]["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/image", "/small", "/encoded", "/no-transform", "/part", "/plain"])
def test_some_answers_stay_as_they_are(edge, path):
    status, fields, body = edge.get(path, Accept_Encoding="gzip, br, zstd")
    assert fields["ETag"] == '"v1"' and fields["Content-Length"] == str(len(body)) and "Vary" not in fields
    assert fields["Content-Encoding"] in (None, "x-own") and body in (TEXT, TEXT[:500])


def test_vary_is_said_once(edge):
    assert edge.get("/varies", Accept_Encoding="gzip")[1].get_all("Vary") == ["Origin, accept-encoding"]


def test_a_range_of_a_file_is_of_the_file_as_it_is(edge):
    status, fields, body = edge.get("/files/a.txt", Range="bytes=0-4999", Accept_Encoding="gzip")
    assert (status, body, fields["Content-Encoding"]) == (206, TEXT[:5000], None)
    weak = edge.get("/files/a.txt", Accept_Encoding="gzip")[1]["ETag"]
    status, fields, _ = edge.get("/files/a.txt", If_None_Match=weak, Accept_Encoding="gzip")
    assert status == 304 and fields["ETag"] == weak


def test_a_304_has_the_tag_of_the_200(edge):
    for path in ("/files/a.txt", "/files/b.bin"):
        for accepts in ("gzip", "identity"):
            _, fields, _ = edge.get(path, Accept_Encoding=accepts)
            status, again, _ = edge.get(path, Accept_Encoding=accepts, If_None_Match=fields["ETag"])
            assert (status, again["ETag"]) == (304, fields["ETag"]), (path, accepts)
            assert fields["Content-Encoding"] is None or again["Vary"] == "Accept-Encoding"


def test_events_are_not_held_back(edge):
    """Each event is decoded by the client before the next one is sent."""
    connection = edge.connect()
    connection.request("GET", "/events", headers={"Host": "lone.example", "Accept-Encoding": "gzip"})
    response = connection.getresponse()
    assert response.headers["Content-Encoding"] == "gzip"
    decoder = zlib.decompressobj(31)
    said = b""
    for n in range(10):
        while not said.endswith(b"data: %d\n\n" % n):
            piece = response.read1(65536)
            assert piece, said
            said += decoder.decompress(piece)
        heard.set()
    assert said == b"".join(b"data: %d\n\n" % n for n in range(10))
    connection.close()


def test_an_answer_that_is_cut_is_cut_for_the_client_too(edge):
    connection = edge.connect()
    connection.request("GET", "/cut", headers={"Host": "lone.example", "Accept-Encoding": "gzip"})
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        connection.getresponse().read()
    connection.close()
    meridian.wait_until(lambda: edge.metric("meridian_edge_compressing") == 0, "nothing is left open")


def test_a_slow_client_holds_only_what_is_bounded(edge):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(60)
        sock.connect((edge.host, 8080))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: lone.example\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
        got = b""
        while chunk := sock.recv(1024):
            got += chunk
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    data = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        data, body = data + body[:int(size, 16)], body[int(size, 16) + 2:]
    assert gzip.decompress(data) == TEXT


QUEUED = 3 * 16384  # octets that wait in a stream of HTTP/2 for its client


@pytest.mark.parametrize("compression", [{}, {"enabled": False}])
def test_an_answer_that_waits_for_its_client_goes_on_whatever_else_happened_meanwhile(tmp_path, compression):
    """The windows are full, and so is what waits for them, to the octet; then the server says more, and only then they are opened."""
    first, rest = os.urandom(65535 + QUEUED), os.urandom(150_000)
    full, more = threading.Event(), threading.Event()

    def answer_in_two_parts(exchange):
        exchange.read_head()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(first + rest))
        for at in range(0, len(first), 4096):
            exchange.send(first[at:at + 4096])
        full.wait(60)
        exchange.send(rest)
        more.set()
        exchange.sock.recv(1)

    routes = [{"path": "/", "pool": "web", "compression": compression}]
    with meridian.Lease() as slot, Scripted(slot_address(slot, "2.7"), answer_in_two_parts) as server, \
            LoneEdge(tmp_path, slot, [server.name], routes=routes) as edge, H2(edge.host) as client:
        client.auto_window = False
        stream = client.get("/")
        answer = client.streams[stream]
        client.until(lambda: len(answer.body) == 65535, "the windows are full")
        client.read_for(0.5)  # what waits for them fills up
        full.set()
        assert more.wait(60)
        client.read_for(0.2)
        client.round_trip()
        client.window(0, len(first + rest))
        client.window(stream, len(first + rest))
        client.until(lambda: answer.over, "the answer is whole")
        assert answer.ended and answer.body == first + rest


def test_it_is_counted(edge):
    before = edge.metric("meridian_edge_compressed_total", 'coding="gzip"'), edge.metric("meridian_edge_compression_bytes_total", 'direction="in"')
    edge.get("/", Accept_Encoding="gzip")
    meridian.wait_until(lambda: edge.metric("meridian_edge_compressed_total", 'coding="gzip"') == before[0] + 1, "it is counted")
    meridian.eventually(lambda: edge.metric("meridian_edge_compression_bytes_total", 'direction="in"') == before[1] + len(TEXT), "and here")


def test_hints_come_ahead_of_the_answer_on_http2_alone(edge):
    seen = subprocess.run(["curl", "-sS", "-v", "--http2-prior-knowledge", "-o", "/dev/null", f"http://{edge.host}:8080/hints"], capture_output=True, text=True, timeout=60, check=True).stderr
    assert seen.index("< HTTP/2 103") < seen.index("</style.css>; rel=preload; as=style") < seen.index("</app.js>; rel=preload; as=script") < seen.index("< HTTP/2 200")
    seen = subprocess.run(["curl", "-sS", "-v", "--http1.1", "-o", "/dev/null", f"http://{edge.host}:8080/hints"], capture_output=True, text=True, timeout=60, check=True).stderr
    assert "103" not in seen.split("< HTTP/1.1 200")[0].rpartition("\n")[2] and "rel=preload" not in seen
    with H2(edge.host, 8080, authority="lone.example") as client:
        stream = client.get("/hints")
        client.until_over(stream)
        assert client.streams[stream].status == 200
