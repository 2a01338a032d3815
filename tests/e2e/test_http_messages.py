"""What docs/http.md says, against a server that does what its path says: answers before the upload, clients that leave, interim answers, paths."""
import json
import socket
import threading

import pytest

import meridian

UPLOAD = 24 * 1024 * 1024  # more than sockets hold on their own
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return b"", b""
        head += piece
    return head.split(b"\r\n\r\n", 1)


class Script:
    """A server with a thread for each connection and one request on it."""

    def __init__(self, address):
        self.listener = socket.create_server((address, 9000), backlog=128)
        self.asked, self.left = threading.Event(), threading.Event()
        self.taken = {}
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(60)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                head, body = read_head(connection)
                if head:
                    self.answer(connection, head, body)
            except OSError:
                pass

    def answer(self, connection, head, body):
        path = head.split(b" ")[1].decode()
        if path.startswith("/early/close/"):
            connection.sendall(f"HTTP/1.1 {path[-3:]} Early\r\nContent-Length: 2\r\n\r\nno".encode())
        elif path == "/early/take":
            connection.sendall(OK)
            taken = len(body)
            while taken < UPLOAD and (piece := connection.recv(1 << 20)):
                taken += len(piece)
            self.taken[path] = taken
        elif path == "/hints":
            while True:
                connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * 20)
        elif path == "/wait":
            self.asked.set()
            if not connection.recv(1):
                self.left.set()
        elif path == "/odd":
            connection.sendall(b"HTTP/1.2 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n2 ;x=y\r\nok\r\n0 \r\n\r\n")
        elif path == "/extended":
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10;n=12345\r\n0123456789abcdef\r\n" * 20000 + b"0\r\n\r\n")
        elif path == "/large":
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * 3000 + b"\r\nContent-Length: 0\r\n\r\n")
        elif path == "/upgrade":
            connection.sendall(b"HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: TLS/1.2\r\nContent-Length: 0\r\n\r\n")
        else:
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(head)}\r\n\r\n".encode() + head)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # a thread that waits in accept() would hold the address
        self.listener.close()


class Edge:
    def __init__(self, directory, options=""):
        self.lease = meridian.Lease()
        self.host = f"127.{self.lease.number}.1.1"
        self.log = directory / "access.log"
        self.server = Script(f"127.{self.lease.number}.1.11")
        (directory / "state").mkdir()
        config = directory / "edge.yaml"
        config.write_text(f"""
service: messages
state_directory: {directory}/state
regions: {{eu: {{edges: [{self.host}]}}}}
admin: {{edge: ["{{edge}}:9080"]}}
edge:
  listen: [{{address: "{{edge}}:8080"}}]
  workers: 1
  access_log: {self.log}
  {options}
  pools:
    web: {{servers: ["127.{self.lease.number}.1.11:9000"], breaker: {{mode: disabled}}}}
  routes:
    - {{path: /, pool: web}}
    - {{path: /closed, pool: web, allow: [192.0.2.0/24]}}
    - {{path: =/login, respond: {{status: 200, body: login}}}}
""")
        self.process = meridian.Process([meridian.binaries() / "meridian-edge", "--config", config, "--region", "eu"], directory / "edge.log")
        meridian.wait_until(lambda: not self.process.running() or self.get("/x")[0] == 200, "the edge answers")
        assert self.process.running(), self.process.text()

    def get(self, path, **options):
        return meridian.http_get(self.host, 8080, path, {"Host": "messages.example"}, **options)

    def raw(self, text):
        return meridian.raw_exchange((self.host, 8080), text)

    def upload(self, path):
        """Writes everything before it reads."""
        head = f"POST {path} HTTP/1.1\r\nHost: messages.example\r\nContent-Length: {UPLOAD}\r\n\r\n".encode()
        return self.raw(head + b"x" * UPLOAD)

    def record(self, path):
        """What the access log says of the one request with this path."""
        def found():
            return [record for record in map(json.loads, self.log.read_text().splitlines()) if record["path"] == path]
        return meridian.wait_until(found, f"the access log has {path}")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.server.close()
        self.lease.release()


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    with Edge(tmp_path_factory.mktemp("messages"), "client: {max_body: 64MiB}") as running:
        yield running


@pytest.mark.parametrize("status", [413, 403, 200])
def test_an_early_answer_reaches_who_writes_everything_first(edge, status):
    for _ in range(3):
        answer = edge.upload(f"/early/close/{status}")
        assert answer.startswith(f"HTTP/1.1 {status} ".encode()) and answer.endswith(b"\r\n\r\nno")


def test_a_server_that_has_answered_gets_the_rest_if_it_takes_it(edge):
    answer = edge.upload("/early/take")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"ok")
    meridian.wait_until(lambda: edge.server.taken.get("/early/take") == UPLOAD, "the server has got all of it")
    assert edge.record("/early/take")["octets_in"] == UPLOAD


def test_our_own_refusals_reach_who_writes_everything_first(edge):
    assert edge.upload("/closed").startswith(b"HTTP/1.1 403 ")
    assert edge.upload("/a%00b").startswith(b"HTTP/1.1 400 ")
    head = f"POST / HTTP/1.1\r\nHost: messages.example\r\nContent-Length: {65 * 1024 * 1024}\r\n\r\n".encode()
    assert edge.raw(head + b"x" * UPLOAD + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 413 ")
    assert edge.raw(b"POST / HTTP/1.1\r\nHost : a\r\n\r\n" + b"x" * UPLOAD).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_leaves_by_fin_ends_its_request(edge):
    with socket.create_connection((edge.host, 8080), timeout=60) as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: messages.example\r\n\r\n")
        assert edge.server.asked.wait(60)
    assert edge.server.left.wait(60)
    record = edge.record("/wait")
    assert (record["status"], record["end"]) == (499, "C")


def test_hints_without_end_are_cut_off_and_cost_nobody_anything(edge):
    before = edge.process.memory_kib()
    answer = edge.raw(b"GET /hints HTTP/1.1\r\nHost: messages.example\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 103 ") <= 100 and b"\r\n\r\nHTTP/1.1 502 " in answer
    with socket.create_connection((edge.host, 8080), timeout=60) as client:
        client.sendall(b"GET /hints HTTP/1.1\r\nHost: messages.example\r\n\r\n")
        assert edge.get("/y")[0] == 200
    assert edge.process.memory_kib() - before < 8192


def test_paths_are_forwarded_with_their_empty_segments(edge):
    for sent, arrives in [("/fetch/https://x", "/fetch/https://x"), ("//a///b//", "//a///b//"), ("/a/./b//%63", "/a/b//c"), ("/login;v=1/x", "/login;v=1/x")]:
        assert edge.get(sent)[2].startswith(f"GET {arrives} HTTP/1.1\r\n".encode()), sent
    assert edge.get("//closed/x")[0] == 403
    assert edge.get("/login")[2] == b"login" and edge.get("/login;jsessionid=1")[2] == b"login"
    for path in ("//login", "/closed//../x", "/x//../closed", "/x/..%2fclosed//../y"):
        assert edge.get(path)[0] in (400, 403), path


def test_messages_are_taken_as_other_proxies_take_them(edge):
    assert edge.get("/odd")[2] == b"ok"
    assert len(edge.get("/extended")[2]) == 320000
    fields = edge.get("/upgrade")[1]
    assert fields["Upgrade"] == "TLS/1.2" and "upgrade" in fields["Connection"].lower()
    head = edge.raw(b"GET /z HTTP/1.2\r\nHost: messages.example:\r\nConnection: close\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"\r\nHost: messages.example\r\n" in head and b"\r\nVia: 1.1 meridian\r\n" in head
    assert b"OPTIONS * HTTP/1.1\r\n" in edge.raw(b"OPTIONS http://messages.example HTTP/1.1\r\nHost: messages.example\r\nConnection: close\r\n\r\n")
    refused = edge.raw(b"HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 400 ") and refused.endswith(b"\r\n\r\n")


def test_options_say_otherwise(tmp_path):
    options = "client: {half_close: allow, max_fields: 10, max_head: 1KiB}\n  merge_slashes: true\n  via: none\n  answer: {max_head: 4KiB}"
    with Edge(tmp_path, options) as edge:
        with socket.create_connection((edge.host, 8080), timeout=60) as client:
            client.sendall(b"GET /fetch//x HTTP/1.1\r\nHost: messages.example\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        assert b"GET /fetch/x HTTP/1.1\r\n" in answer and b"Via" not in answer
        assert edge.get("//login")[2] == b"login"
        assert edge.get("/large")[0] == 200
