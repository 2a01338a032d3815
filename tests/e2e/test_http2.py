"""HTTP/2 to clients, as RFC 9113 has it, with prior knowledge in clear text: requests, bodies, fields, streams, ends."""
import json
import select
import signal
import subprocess
import threading

import pytest

import h2_client as h2
import meridian
from h2_client import H2
from lone_edge import LoneEdge, Scripted, ok, slot_address


@pytest.fixture(scope="module")
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def echo(exchange):
    """Answers with what came, as it came; /big is 300,000 octets, /hints has 103 before it, /trailers ends with some."""
    while head := exchange.read_head():
        body = read_any_body(exchange, head)
        path = head.split(b" ")[1]
        if path == b"/big":
            exchange.send(ok(b"b" * 300_000))
        elif path == b"/hints":
            exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + ok(b"hinted"))
        elif path == b"/trailers":
            exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Server-Timing\r\n\r\n"
                          b"3\r\nabc\r\n0\r\nServer-Timing: x;dur=1\r\nX-Not-Allowed: 1\r\n\r\n")
        elif path == b"/none":
            exchange.send(b"HTTP/1.1 204 No Content\r\nX-Here: yes\r\n\r\n")
        elif path == b"/hop":
            exchange.send(ok(b"hop", b"Connection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nX-End: 2\r\n"))
        elif path == b"/cut":
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            return
        elif path == b"/wait":
            exchange.server.asked_to_wait = True
            exchange.sock.recv(1)  # until the edge closes
            return
        elif head.startswith(b"HEAD"):
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")
        else:
            exchange.send(ok(head + body))


def read_any_body(exchange, head):
    if b"transfer-encoding: chunked" not in head.lower():
        return exchange.read_body(head)
    body = b""
    while True:
        while b"\r\n" not in exchange.buffer:
            chunk = exchange.sock.recv(65536)
            if not chunk:
                return body
            exchange.buffer += chunk
        size = int(exchange.read(exchange.buffer.index(b"\r\n") + 2), 16)
        if size == 0:
            while not exchange.buffer.endswith(b"\r\n") and exchange.buffer != b"\r\n":
                exchange.buffer += exchange.sock.recv(65536)
            trailers, exchange.buffer = exchange.buffer, b""
            return body + trailers.removesuffix(b"\r\n")
        body += exchange.read(size + 2)[:-2]


@pytest.fixture(scope="module")
def server(slot):
    with Scripted(slot_address(slot, "2.1"), echo, asked_to_wait=False) as running:
        yield running


@pytest.fixture(scope="module")
def edge(slot, server, tmp_path_factory):
    directory = tmp_path_factory.mktemp("http2")
    log = directory / "access.log"
    with LoneEdge(directory, slot, [server.name], edge={"access_log": str(log), "client": {"max_body": "1MiB", "send_timeout": "2s", "body_timeout": "2s"}},
                  routes=[{"path": "/fixed", "respond": {"status": 200, "body": "f" * 100_000}}, {"path": "/moved", "redirect": {"to": "https://other.example/"}},
                          {"path": "/private", "allow": ["192.0.2.0/24"], "pool": "web"}, {"path": "/", "pool": "web"}]) as running:
        running.log = log
        yield running


@pytest.fixture
def client(edge):
    with H2(edge.host) as connection:
        yield connection


def lines_of(edge, path):
    return [line for line in map(json.loads, edge.log.read_text().splitlines()) if line.get("path") == path]


def test_a_request_is_served_and_arrives_at_the_server_as_http_1_1(client):
    answer = client.fetch("/hello?x=1", ("user-agent", "test"))
    assert answer.status == 200 and answer.ended
    assert answer.body.startswith(b"GET /hello?x=1 HTTP/1.1\r\nHost: lone.example\r\n")
    assert b"user-agent: test\r\n" in answer.body
    assert b"transfer-encoding" not in answer.body.lower() and b"content-length" not in answer.body.lower()
    assert "date" in answer.fields and "connection" not in answer.fields


def test_our_settings_say_our_limits(client):
    client.fetch()
    assert client.settings[3] == 128, "MAX_CONCURRENT_STREAMS"
    assert client.settings[6] == 32768, "MAX_HEADER_LIST_SIZE"
    assert client.settings[9] == 1, "NO_RFC7540_PRIORITIES"


def test_many_streams_at_once(client):
    streams = [client.get(f"/n{n}") for n in range(100)]
    client.until_over(*streams)
    for n, stream in enumerate(streams):
        answer = client.streams[stream]
        assert answer.body.startswith(b"GET /n%d " % n), (answer.status, answer.reset, answer.body[:99])


def test_the_log_says_http_2(edge, client):
    client.fetch("/logged")
    (line,) = meridian.wait_until(lambda: lines_of(edge, "/logged"), "the line")
    assert line["protocol"] == "HTTP/2.0" and line["status"] == 200 and line["end"] == "-"
    edge.get("/old")
    (line,) = meridian.wait_until(lambda: lines_of(edge, "/old"), "the line")
    assert line["protocol"] == "HTTP/1.1"


def test_bodies_both_ways(client):
    body = b"x" * 60_000
    answer = client.until_over(client.post("/post", body, ("content-length", str(len(body)))))
    assert b"\r\nContent-Length: 60000\r\n" in answer.body and answer.body.endswith(body)
    answer = client.until_over(client.post("/post", body))
    assert b"\r\nTransfer-Encoding: chunked\r\n" in answer.body and answer.body.endswith(body)
    answer = client.fetch("/big")
    assert answer.body == b"b" * 300_000 and answer.fields["content-length"] == "300000"
    assert client.fetch("/fixed").body == b"f" * 100_000


def test_a_body_without_content_is_none(client):
    stream = client.request(client.head("/empty", "POST"), end=False)
    client.data(stream, b"", end=True)
    assert client.until_over(stream).status == 200


def test_trailers_both_ways(client):
    answer = client.until_over(client.post("/post", b"abc", trailers=[("x-checksum", "1"), ("x-other", "2")]))
    assert answer.body.endswith(b"abcx-checksum: 1\r\n"), answer.body
    answer = client.fetch("/trailers")
    assert answer.body == b"abc" and answer.trailers == [("server-timing", "x;dur=1")] and answer.ended


def test_head_204_and_304_have_no_body(client):
    answer = client.until_over(client.request(client.head("/", "HEAD")))
    assert answer.status == 200 and answer.body == b"" and answer.frames == 0 and answer.fields["content-length"] == "77"
    answer = client.fetch("/none")
    assert answer.status == 204 and answer.frames == 0 and answer.fields["x-here"] == "yes"
    answer = client.until_over(client.request(client.head("/fixed", "HEAD")))
    assert answer.fields["content-length"] == "100000" and answer.frames == 0


def test_fields_of_the_connection_do_not_reach_the_client(client):
    answer = client.fetch("/hop")
    assert answer.fields["x-end"] == "2"
    assert not {"connection", "keep-alive", "x-hop", "transfer-encoding"} & set(answer.fields)


def test_103_comes_before_the_answer(client):
    answer = client.fetch("/hints")
    assert [dict(head)[":status"] for head in answer.interims] == ["103"] and dict(answer.interims[0])["link"] == "</style.css>"
    assert answer.body == b"hinted"


def test_expect_is_answered_once(client):
    stream = client.request(client.head("/post", "POST", [("expect", "100-continue")]), end=False)
    client.until(lambda: client.streams[stream].interims, "100 Continue")
    client.data(stream, b"abc", end=True)
    answer = client.until_over(stream)
    assert len(answer.interims) == 1 and answer.body.endswith(b"abc") and b"expect" not in answer.body.lower()
    assert client.until_over(client.request(client.head("/post", "POST", [("expect", "more")]))).status == 417


def test_cookie_crumbs_are_joined(client):
    answer = client.fetch("/", ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3"))
    assert answer.body.lower().count(b"cookie:") == 1 and b"cookie: a=1; b=2; c=3\r\n" in answer.body


def test_pages_of_our_own(client):
    assert client.fetch("/private/x").status == 403
    answer = client.fetch("/moved")
    assert answer.status in (301, 302, 307, 308) and answer.fields["location"] == "https://other.example/"
    assert client.fetch("/a%00b").status == 400
    assert client.until_over(client.request([(":method", "CONNECT"), (":authority", "lone.example:80")])).status == 405
    assert client.until_over(client.request(client.head("/", "TRACE"))).status == 405
    assert client.fetch("/.meridian/health").status == 200


def test_an_answer_that_is_cut_is_reset(client):
    answer = client.fetch("/cut")
    assert not answer.ended and answer.reset == h2.INTERNAL_ERROR
    assert client.fetch().status == 200, "the connection lives on"


MALFORMED = {
    "upper case": [("X-Upper", "1")],
    "connection": [("connection", "close")],
    "keep-alive": [("keep-alive", "5")],
    "proxy-connection": [("proxy-connection", "close")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "upgrade": [("upgrade", "h2c")],
    "te": [("te", "gzip")],
    "CR": [("x", "a\rb")],
    "LF": [("x", "a\nb")],
    "NUL": [("x", "a\0b")],
    "control": [("x", "a\x01b")],
    "LF in a name": [("x\ny", "1")],
    "colon in a name": [("x:y", "1")],
    "space in a name": [("x y", "1")],
    "empty name": [("", "1")],
    "space before a value": [("x", " a")],
    "late pseudo-field": [("x", "1"), (":path", "/")],
    "unknown pseudo-field": [(":unknown", "1")],
    "a response's pseudo-field": [(":status", "200")],
    "doubled pseudo-field": [(":method", "GET")],
    "two lengths": [("content-length", "0"), ("content-length", "0")],
    "a length of a body that is not": [("content-length", "5")],
    "a length that is none": [("content-length", "-1")],
}


@pytest.mark.parametrize("why", MALFORMED)
def test_malformed_heads_are_refused_and_nothing_reaches_the_server(server, client, why):
    fields = MALFORMED[why]
    head = [*client.head("/malformed"), *fields]
    stream = client.new_stream()
    client.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, hpack_plainly(head))
    answer = client.until_over(stream)
    assert answer.reset == h2.PROTOCOL_ERROR or answer.status == 400, (answer.reset, answer.head)
    assert not server.asked("/malformed")
    assert client.fetch().status == 200, "the connection lives on"


def hpack_plainly(head):
    """Literals without indexing, so that nothing of it stays in a table."""
    def text(value):
        octets = value.encode("latin-1")
        assert len(octets) < 127
        return bytes([len(octets)]) + octets
    return b"".join(b"\x00" + text(name) + text(value) for name, value in head)


@pytest.mark.parametrize("head", [
    [(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "lone.example")],
    [(":method", "GET"), (":scheme", "http"), (":authority", "lone.example")],
    [(":method", "GET"), (":path", "/malformed"), (":authority", "lone.example")],
    [(":scheme", "http"), (":path", "/malformed"), (":authority", "lone.example")],
    [(":method", "GET"), (":scheme", "http"), (":path", "malformed"), (":authority", "lone.example")],
    [(":method", "GET"), (":scheme", "http"), (":path", "*"), (":authority", "lone.example")],
    [(":method", "GET"), (":scheme", "http"), (":path", "/malformed x"), (":authority", "lone.example")],
    [(":method", "GET"), (":scheme", "http"), (":path", "/malformed#x"), (":authority", "lone.example")],
    [(":method", "G T"), (":scheme", "http"), (":path", "/malformed"), (":authority", "lone.example")],
    [(":method", "GET"), (":scheme", "http"), (":path", "/malformed"), (":authority", "user@lone.example")],
    [(":method", "GET"), (":scheme", "http"), (":path", "/malformed")],
    [(":method", "GET"), (":scheme", "http"), (":path", "/malformed"), (":authority", "lone.example"), ("host", "other.example")],
    [(":method", "GET"), (":scheme", "http"), (":path", "/malformed"), (":authority", "lone.example"), ("host", "lone.example"), ("host", "lone.example")],
    [(":method", "CONNECT"), (":scheme", "http"), (":path", "/malformed"), (":authority", "lone.example")],
])
def test_malformed_pseudo_fields_are_refused(server, client, head):
    stream = client.request(head)
    answer = client.until_over(stream)
    assert answer.reset == h2.PROTOCOL_ERROR or answer.status == 400, (answer.reset, answer.head)
    assert not server.asked("/malformed")
    assert client.fetch().status == 200


def test_host_that_agrees_with_authority_is_one(client):
    answer = client.fetch("/", ("host", "LONE.example"))
    assert answer.status == 200 and answer.body.lower().count(b"\r\nhost:") == 1
    answer = client.until_over(client.request([(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "lone.example")]))
    assert answer.status == 200


def test_te_trailers_is_allowed(client):
    assert client.fetch("/", ("te", "trailers")).status == 200


@pytest.mark.parametrize("end", ["more", "less with DATA", "less with trailers", "less with a reset"])
def test_a_body_unlike_its_length_is_refused_however_the_stream_ends(server, client, end):
    stream = client.request(client.head("/length", "POST", [("content-length", "5")]), end=False)
    before = len(server.asked("/after"))
    if end == "more":
        client.data(stream, b"123456", end=True)
    elif end == "less with DATA":
        client.data(stream, b"1234", end=True)
    elif end == "less with trailers":
        client.data(stream, b"1234")
        client.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, client.encoder.encode([("x-checksum", "1")]))
    else:
        client.data(stream, b"1234")
        client.reset(stream)
    if end != "less with a reset":
        assert client.until_over(stream).reset == h2.PROTOCOL_ERROR
    assert client.fetch("/after").status == 200
    assert len(server.asked("/after")) == before + 1


def test_limits_of_the_head_are_those_of_http_1(client):
    assert client.fetch("/" + "p" * 8191).status == 200
    assert client.fetch("/" + "p" * 8192).status == 414
    assert client.fetch("/", *[(f"x-{n}", "1") for n in range(99)]).status == 200
    assert client.fetch("/", *[(f"x-{n}", "1") for n in range(100)]).status == 431
    assert client.fetch("/", *[("cookie", f"c{n}=1") for n in range(100)]).status == 431, "each crumb counts"
    assert client.fetch("/", ("x", "y" * 33000)).status == 431
    assert client.fetch().status == 200


def test_max_body_is_413_with_and_without_a_length(client):
    assert client.until_over(client.request(client.head("/post", "POST", [("content-length", str(2 << 20))]), end=False)).status == 413
    with H2(client.sock.getpeername()[0]) as other:
        stream = other.request(other.head("/post", "POST"), end=False)
        other.data(stream, b"x" * (80 * 16384))
        assert other.until_over(stream).status == 413


def test_a_reset_ends_the_request_at_the_server_and_is_logged(edge, server, client):
    stream = client.get("/wait")
    meridian.wait_until(lambda: server.asked_to_wait, "the server has the request")
    client.reset(stream)
    (line,) = meridian.wait_until(lambda: lines_of(edge, "/wait"), "the line")
    assert line["status"] == 499
    assert client.fetch().status == 200


def test_urgent_streams_go_first_and_incremental_ones_share(edge):
    with H2(edge.host, settings=[(4, 1 << 20)]) as client:
        client.fetch()
        with client.together():
            slow = [client.get("/fixed", ("priority", "u=7")) for _ in range(3)]
            fast = client.get("/fixed", ("priority", "u=0"))
        client.until_over(*slow, fast)
        sizes = client.order
        assert sizes.index(fast) <= 3 and max(i for i, s in enumerate(sizes) if s == fast) < max(i for i, s in enumerate(sizes) if s in slow)


def test_curl_and_h2load_and_nghttp(edge):
    url = f"http://{edge.host}:8080"
    got = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_download}", f"{url}/big"],
                         capture_output=True, text=True, timeout=60, check=True)
    assert got.stdout == "2 200 300000"
    got = subprocess.run(["h2load", "-n500", "-c4", "-m20", f"{url}/"], capture_output=True, text=True, timeout=120, check=True)
    assert "500 succeeded, 0 failed" in got.stdout, got.stdout
    got = subprocess.run(["nghttp", "-ns", f"{url}/"], capture_output=True, text=True, timeout=60, check=True)
    assert " 200 " in got.stdout, got.stdout


def test_prior_knowledge_can_be_switched_off(server, slot, tmp_path):
    with LoneEdge(tmp_path, slot, [server.name], edge={"client": {"http2": {"prior_knowledge": False}}, "listen": [{"address": "{edge}:8081"}]}) as edge:
        with H2(edge.host, 8081, hello=False) as client:
            client.raw(h2.PREFACE)
            assert client.sock.recv(1000).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))


def test_a_drain_says_goaway_in_two_steps_and_loses_nobody(server, slot, tmp_path):
    with Scripted(slot_address(slot, "2.2"), held_back, go=threading.Event()) as slow:
        with LoneEdge(tmp_path, slot, [slow.name], edge={"listen": [{"address": "{edge}:8082"}], "drain_grace": "30s"}) as edge:
            with H2(edge.host, 8082) as busy, H2(edge.host, 8082) as idle:
                running = busy.get("/held")
                meridian.wait_until(lambda: slow.asked("/held"), "the server has it")
                idle.fetch("/")
                edge.process.signal(signal.SIGTERM)
                idle.until_closed()
                assert [last for last, code in idle.goaways] == [0x7FFFFFFF, 1] and {code for _, code in idle.goaways} == {h2.NO_ERROR}
                busy.until(lambda: busy.goaways, "it is told, too")
                slow.go.set()
                assert busy.until_over(running).body == b"held"
                busy.until_closed()


def held_back(exchange):
    while head := exchange.read_head():
        if b" /held " in head:
            exchange.server.go.wait(60)
        exchange.send(ok(b"held"))


def test_idle_connections_end_with_a_word(server, slot, tmp_path):
    with LoneEdge(tmp_path, slot, [server.name], edge={"client": {"keep_alive_timeout": "1s"}, "listen": [{"address": "{edge}:8083"}]}) as edge:
        with H2(edge.host, 8083) as client:
            client.fetch("/")
            client.until_closed()
            assert client.goaways == [(1, h2.NO_ERROR)]
        with H2(edge.host, 8083) as pinging:
            pinging.fetch("/")
            while not pinging.closed:  # a PING is no request
                pinging.frame(h2.PING, 0, 0, b"12345678")
                pinging.read_for(0.2)


def test_max_streams_and_max_buffer_are_what_is_told(server, slot, tmp_path):
    limits = {"max_streams": 5, "max_buffer": "128KiB"}
    with LoneEdge(tmp_path, slot, [server.name], edge={"client": {"http2": limits}, "listen": [{"address": "{edge}:8084"}]}) as edge:
        with H2(edge.host, 8084) as client:
            client.fetch("/")
            assert client.settings[3] == 5 and client.settings[4] == 32 * 1024
            assert client.updates.get(0, 0) <= 64 * 1024, "nor is the connection's window wider"
            body = b"x" * 30_000
            assert client.until_over(client.post("/post", body)).body.endswith(body)


def test_a_lower_limit_of_streams_counts_once_the_client_has_heard_of_it(tmp_path):
    """Until its ACK a client goes by the SETTINGS that it knows (RFC 9113 5.1.2, 6.5.3)."""
    limit = {"client": {"http2": {"max_streams": 5}}}
    with meridian.Lease() as own, Scripted(slot_address(own, "2.1"), held_back, go=threading.Event()) as server, \
            LoneEdge(tmp_path, own, [server.name], edge=limit) as edge:
        with H2(edge.host) as client:
            client.fetch("/")
            client.auto_ack = False
            edge.config["edge"]["client"]["http2"]["max_streams"] = 2
            edge.reload()
            before = [client.get("/held") for _ in range(5)]
            client.round_trip()
            assert client.settings[3] == 2 and not any(client.streams[stream].over for stream in before), "the old limit holds"
            sixth = client.get("/held")
            client.until(lambda: client.streams[sixth].over, "one more than that")
            assert client.streams[sixth].reset == h2.REFUSED_STREAM
            client.frame(h2.SETTINGS, h2.ACK)
            late = client.get("/held")
            assert client.until_over(late).reset == h2.REFUSED_STREAM, "it knows better"
            server.go.set()
            client.until_over(*before)
            assert [client.streams[stream].status for stream in before] == [200] * 5
            server.go.clear()
            edge.config["edge"]["client"]["http2"]["max_streams"] = 3
            edge.reload()
            three = [client.get("/held") for _ in range(3)]
            client.round_trip()
            assert client.settings[3] == 3 and not any(client.streams[stream].over for stream in three), "a higher one holds at once"
            server.go.set()
            client.until_over(*three)


def test_who_acknowledges_no_settings_does_not_keep_a_limit_of_streams_for_ever(tmp_path):
    limit = {"client": {"http2": {"max_streams": 5}, "head_timeout": "1s"}}
    with meridian.Lease() as own, Scripted(slot_address(own, "2.1"), held_back, go=threading.Event()) as server, \
            LoneEdge(tmp_path, own, [server.name], edge=limit) as edge, H2(edge.host) as client:
        client.auto_ack = False
        client.fetch("/")
        edge.config["edge"]["client"]["http2"]["max_streams"] = 2
        edge.reload()
        held = [client.get("/held") for _ in range(2)]
        meridian.wait_until(lambda: client.until_over(client.get("/")).reset == h2.REFUSED_STREAM, "a third stream is one too many")
        server.go.set()
        client.until_over(*held)
        assert [client.streams[stream].status for stream in held] == [200] * 2


def test_octets_beyond_the_windows_are_a_flow_control_error(tmp_path):
    """The server takes nothing, so that at last no window opens any more; what the kernel holds for it comes before that."""
    over = threading.Event()
    with meridian.Lease() as own, Scripted(slot_address(own, "2.7"), lambda _exchange: over.wait(60)) as server, \
            LoneEdge(tmp_path, own, [server.name]) as edge, H2(edge.host) as client:
        stream = client.request(client.head("/post", "POST"), end=False)
        answer = client.streams[stream]
        while not client.goaways and not answer.over and not client.closed:
            client.frame(h2.DATA, 0, stream, b"x" * 16384)
            while client.buffer or select.select([client.sock], [], [], 0)[0]:
                if not client.read_frame():
                    break
        assert h2.FLOW_CONTROL_ERROR in [answer.reset, *[code for _, code in client.goaways]]
        over.set()
