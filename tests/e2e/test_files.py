"""Static files seen from outside: HTTP/1, HTTP/2 and TLS, whole and in parts, and nothing beside the root (docs/content.md)."""
import email
import hashlib
import os
import random
import socket
import subprocess
import threading

import pytest

import meridian
from certificates import Authority
from h2_client import H2
from lone_edge import LoneEdge, read_to_end

OLD = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT
OLD_DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LARGE = random.Random(14).randbytes(3 * 1024 * 1024 + 77)
TEXT = b"".join(b"line %06d\n" % n for n in range(2000))


def put(path, data, at=OLD):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at, at))
    return path


def fill(root):
    put(root / "index.html", b"<p>home</p>")
    put(root / "text.txt", TEXT)
    put(root / "large.bin", LARGE)
    put(root / "empty.css", b"")
    put(root / "docs/index.html", b"<p>docs</p>")
    put(root / "docs/a b\u00fc.txt", b"spaced")
    put(root / "app.js", b"plain javascript")
    put(root / "app.js.gz", b"gzipped javascript")
    put(root / "app.js.br", b"brotli javascript")
    for name in ("same.js", "same.js.gz", "same.js.br"):  # of one size and time
        put(root / name, b"%-10s" % name.encode())
    put(root / "old.js", b"newer than its variant")
    put(root / "old.js.gz", b"stale", OLD - 10)
    put(root / ".env", b"secret")
    put(root / ".well-known/security.txt", b"Contact: us")
    put(root.parent / "outside.txt", b"secret")
    (root / "link.txt").symlink_to("text.txt")
    (root / "escape.txt").symlink_to("../outside.txt")
    (root / "absolute.txt").symlink_to(root.parent / "outside.txt")
    (root / "up").symlink_to("..")
    (root / "unlinked").mkdir()
    os.mkfifo(root / "fifo")
    return root


def route(root, path="/", **options):
    return {"path": path, "files": {"root": str(root), **options}}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(edge, root): an edge that serves a directory in several ways, over HTTP/1, HTTP/2 and TLS."""
    directory = tmp_path_factory.mktemp("files")
    root = fill(directory / "www")
    authority = Authority(directory)
    certificate = authority.issue("www.files.example")
    listen = [{"address": "{edge}:8080"},
              {"address": "{edge}:8443", "protocol": "https", "certificates": [{"certificate": str(certificate.certificate), "key": str(certificate.key)}]}]
    routes = [route(root), route(root, "/links/", symlinks=True), route(root, "/app/", fallback="/index.html"),
              route(root, "/pre/", precompressed=["br", "gzip"]), route(root / "docs", "/docs/", strip_path=True),
              route(root, "/cached/", cache_control="public, max-age=3600", cache_control_by_ending={"html": "no-cache"}),
              {**route(root, "=/text.txt"), "response_headers": {"set": {"X-Exact": "1"}, "remove": ["ETag"]}}]
    with meridian.Lease() as slot, LoneEdge(directory, slot, ["127.0.0.1:1"], edge={"listen": listen}, routes=[*routes, {"path": "/pool", "pool": "web"}]) as edge:
        edge.ca, edge.root = authority.ca, root
        yield edge, root


def curl(edge, *arguments):
    done = subprocess.run(["curl", "-sS", "--max-time", "60", "--cacert", str(edge.ca), "--resolve", f"www.files.example:8443:{edge.host}",
                           "--resolve", f"www.files.example:8080:{edge.host}", *arguments], capture_output=True, timeout=90, check=True)
    return done.stdout


WAYS = [("--http1.1", "http://www.files.example:8080"), ("--http1.0", "http://www.files.example:8080"),
        ("--http2-prior-knowledge", "http://www.files.example:8080"), ("--http1.1", "https://www.files.example:8443"),
        ("--http2", "https://www.files.example:8443")]


@pytest.mark.parametrize("version,base", WAYS)
def test_every_protocol_brings_the_same_octets(files, version, base):
    edge, _ = files
    for name, data in (("large.bin", LARGE), ("text.txt", TEXT), ("empty.css", b""), ("", b"<p>home</p>")):
        assert hashlib.sha256(curl(edge, version, f"{base}/{name}")).digest() == hashlib.sha256(data).digest(), name
    assert curl(edge, version, "-r", "1000000-2500000", f"{base}/large.bin") == LARGE[1000000:2500001]
    assert curl(edge, version, "-r", "-77", f"{base}/large.bin") == LARGE[-77:]


def test_a_file_is_told_with_its_type_date_and_tag(files):
    edge, root = files
    status, fields, body = edge.get("/docs/a%20b%C3%BC.txt")
    assert (status, body) == (200, b"spaced")
    assert fields["Content-Type"] == "text/plain; charset=utf-8" and fields["X-Content-Type-Options"] == "nosniff"
    assert fields["Last-Modified"] == OLD_DATE and fields["Accept-Ranges"] == "bytes"
    assert fields["ETag"].startswith('"') and fields["Content-Length"] == "6"
    again, head, nothing = edge.get("/docs/a%20b%C3%BC.txt", method="HEAD")
    assert again == 200 and nothing == b""
    assert {k: v for k, v in head.items() if k != "Date"} == {k: v for k, v in fields.items() if k != "Date"}
    status, fields, _ = edge.get("/text.txt")
    assert status == 200 and fields["X-Exact"] == "1" and "ETag" not in fields, "the route's rules hold"
    assert edge.get("/cached/text.txt")[1]["Cache-Control"] == "public, max-age=3600"
    assert edge.get("/cached/")[1]["Cache-Control"] == "no-cache"


def test_methods_that_change_something_are_not_allowed(files):
    edge, _ = files
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, fields, _ = edge.get("/app.js", method=method)
        assert status == 405 and fields["Allow"] == "GET, HEAD"


def test_conditions(files):
    edge, _ = files
    tag = edge.get("/app.js")[1]["ETag"]
    for fields, wanted in (({"If_None_Match": tag}, 304), ({"If_None_Match": f'"x", W/{tag}'}, 304), ({"If_None_Match": '"x"'}, 200), ({"If_None_Match": "*"}, 304),
                           ({"If_Modified_Since": OLD_DATE}, 304), ({"If_Modified_Since": "Sun, 06 Nov 1994 08:49:36 GMT"}, 200),
                           ({"If_Match": '"x"'}, 412), ({"If_Match": tag}, 200), ({"If_Unmodified_Since": "Sun, 06 Nov 1994 08:49:36 GMT"}, 412),
                           ({"If_None_Match": '"x"', "If_Modified_Since": OLD_DATE}, 200)):
        status, got, body = edge.get("/app.js", **fields)
        assert status == wanted, fields
        if status == 304:
            assert body == b"" and got["ETag"] == tag and got["Last-Modified"] == OLD_DATE and "Content-Type" not in got


def test_one_range(files):
    edge, _ = files
    status, fields, body = edge.get("/app.js", Range="bytes=6-9")
    assert (status, body, fields["Content-Range"], fields["Content-Length"]) == (206, b"java", "bytes 6-9/16", "4")
    status, fields, body = edge.get("/app.js", Range="bytes=16-")
    assert (status, body, fields["Content-Range"]) == (416, b"", "bytes */16")
    tag = edge.get("/app.js")[1]["ETag"]
    assert edge.get("/app.js", Range="bytes=0-0", If_Range=tag)[0] == 206
    assert edge.get("/app.js", Range="bytes=0-0", If_Range='"other"')[0] == 200
    assert edge.get("/app.js", Range="bytes=0-0", If_Range=OLD_DATE)[0] == 206
    assert edge.get("/app.js", Range="lines=0-0")[0] == 200
    assert edge.get("/app.js", method="HEAD", Range="bytes=0-0")[0] == 200
    assert edge.get("/app.js", Range="bytes=0-0", If_None_Match=tag)[0] == 304


def test_several_ranges_are_parts_of_a_multipart(files):
    edge, _ = files
    status, fields, body = edge.get("/large.bin", Range="bytes=0-9,1000000-1299999,-5")
    assert status == 206 and "Content-Range" not in fields and int(fields["Content-Length"]) == len(body)
    message = email.message_from_bytes(b"Content-Type: " + fields["Content-Type"].encode() + b"\r\n\r\n" + body)
    parts = message.get_payload()
    assert [part["Content-Range"] for part in parts] == [f"bytes {r}/{len(LARGE)}" for r in ("0-9", "1000000-1299999", f"{len(LARGE) - 5}-{len(LARGE) - 1}")]
    assert all(part["Content-Type"] == "application/octet-stream" for part in parts)
    for data in (LARGE[:10], LARGE[1000000:1300000], LARGE[-5:]):
        assert b"\r\n\r\n" + data + b"\r\n--" in body
    # Many pieces, or the same one again and again, are never more than the file (CVE-2011-3192).
    for asked in ("bytes=" + ",".join(f"{n}-" for n in range(100)), "bytes=" + ",".join(["0-"] * 12)):
        status, _, body = edge.get("/large.bin", Range=asked)
        assert len(body) == len(LARGE) and status in (200, 206)


def test_directories(files):
    edge, _ = files
    status, fields, _ = edge.get("/docs?x=1")
    assert status == 301 and fields["Location"] == "/docs/?x=1"
    assert edge.get("/docs/")[2] == b"<p>docs</p>"
    assert edge.get("/app")[1]["Location"] == "/app/", "also of a route's own path"
    assert edge.get("/app/docs?y")[1]["Location"] == "/app/docs/?y"
    assert edge.get("/unlinked/")[0] == 404, "no index, no list"
    assert edge.get("/text.txt/")[0] == 404
    assert edge.get("/nothing")[0] == 404
    # A redirect never names another host.
    status, fields, _ = edge.get("//docs")
    assert status == 301 and fields["Location"] == "/docs/"


def test_a_fallback_stands_in_for_what_is_not_there(files):
    edge, _ = files
    for path in ("/app/", "/app/deep/link", "/app/unlinked/"):
        assert edge.get(path)[::2] == (200, b"<p>home</p>"), path
    assert edge.get("/app/text.txt")[2] == TEXT


def test_a_tag_is_of_one_variant_alone(files):
    """With the tag of one nobody gets a part of another, or is told that nothing has changed (RFC 9110 8.8.3.3)."""
    edge, _ = files
    tags = {coding: edge.get("/pre/same.js", Accept_Encoding=coding)[1]["ETag"] for coding in ("identity", "gzip", "br")}
    assert len(set(tags.values())) == 3 and not any(tag.startswith("W/") for tag in tags.values()), tags
    for coding in tags:
        for shown, tag in tags.items():
            assert edge.get("/pre/same.js", Accept_Encoding=coding, Range="bytes=0-0", If_Range=tag)[0] == (206 if shown == coding else 200)
            assert edge.get("/pre/same.js", Accept_Encoding=coding, If_None_Match=tag)[0] == (304 if shown == coding else 200)


def test_variants_that_are_compressed_already(files):
    edge, _ = files
    for accepts, coding, body in (("gzip, br", "br", b"brotli javascript"), ("gzip", "gzip", b"gzipped javascript"), ("br;q=0.1, gzip;q=0.9", "gzip", b"gzipped javascript"),
                                  ("identity", None, b"plain javascript"), ("br;q=0", None, b"plain javascript")):
        status, fields, got = edge.get("/pre/app.js", Accept_Encoding=accepts)
        assert (status, fields["Content-Encoding"], got, fields["Vary"]) == (200, coding, body, "Accept-Encoding"), accepts
        assert fields["Content-Type"].startswith("text/javascript")
    assert edge.get("/pre/old.js", Accept_Encoding="gzip")[2] == b"newer than its variant"
    assert edge.get("/pre/text.txt", Accept_Encoding="gzip")[2] == TEXT
    assert edge.get("/app.js", Accept_Encoding="gzip")[2] == b"plain javascript", "nobody asked for variants there"


def raw(edge, target):
    with edge.raw() as sock:
        sock.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: www.files.example\r\nConnection: close\r\n\r\n")
        return read_to_end(sock)


@pytest.mark.parametrize("target", [
    b"/../outside.txt", b"/%2e%2e/outside.txt", b"/..%2foutside.txt", b"/%2e%2e%2foutside.txt", b"/docs/../../outside.txt", b"/docs/%2e%2e/%2e%2e/outside.txt",
    b"/%252e%252e/outside.txt", b"/..%5coutside.txt", b"/..\\outside.txt", b"//etc/passwd", b"/%2fetc/passwd", b"/./../outside.txt", b"/docs/..;/..;/outside.txt",
    b"/outside.txt%00", b"/text.txt%00.css", b"/%c0%ae%c0%ae/outside.txt", b"/escape.txt", b"/absolute.txt", b"/up/outside.txt", b"/link.txt", b"/links/escape.txt",
    b"/links/absolute.txt", b"/links/up/outside.txt", b"/.env", b"/%2eenv", b"/docs/../.env", b"/fifo", b"/" + b"x" * 4000, b"/" + b"x/" * 2000, b"/" + b"%2e" * 200,
    b"/proc/self/environ", b"/links/../../outside.txt"])
def test_nothing_outside_the_root_and_nothing_hidden(files, target):
    edge, _ = files
    answer = raw(edge, target)
    assert answer.split(b" ", 2)[1] in (b"400", b"403", b"404"), answer[:200]
    assert b"secret" not in answer and b"root:" not in answer and b"line 000001" not in answer
    assert edge.get("/text.txt")[2] == TEXT, "and it serves on"


def test_links_below_the_root_and_well_known_names(files):
    edge, _ = files
    assert edge.get("/links/link.txt")[2] == TEXT
    assert edge.get("/.well-known/security.txt")[2] == b"Contact: us"


def test_what_may_not_be_read_is_forbidden_and_devices_are_not_opened(files):
    edge, root = files
    assert edge.get("/fifo")[0] == 403
    if os.geteuid() != 0:
        put(root / "locked.txt", b"x").chmod(0)
        assert edge.get("/locked.txt")[0] == 403


def test_a_replaced_file_is_seen_within_a_second_and_a_changed_one_at_once(files):
    edge, root = files
    put(root / "change.txt", b"first")
    assert edge.get("/change.txt")[2] == b"first"
    put(root / "change.txt", b"second", OLD + 1)  # the same inode
    assert edge.get("/change.txt")[2] == b"second"
    put(root / "new.tmp", b"third")
    (root / "new.tmp").rename(root / "change.txt")
    meridian.wait_until(lambda: edge.get("/change.txt")[2] == b"third", "the new file")
    (root / "change.txt").unlink()
    meridian.wait_until(lambda: edge.get("/change.txt")[0] == 404, "it is gone")


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("change", ["shrink", "rewrite"])
def test_a_file_that_changes_while_it_is_sent_is_cut(files, tls, change):
    edge, root = files
    size = 24 * 1024 * 1024
    path = put(root / "moving.bin", b"a" * size)
    meridian.wait_until(lambda: edge.get("/moving.bin", method="HEAD")[1]["Content-Length"] == str(size), "the file")
    before = edge.metric("meridian_edge_files_cut_total")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.settimeout(60)
    sock.connect((edge.host, 8443 if tls else 8080))
    if tls:
        import ssl
        context = ssl.create_default_context(cafile=edge.ca)
        sock = context.wrap_socket(sock, server_hostname="www.files.example")
    with sock:
        sock.sendall(b"GET /moving.bin HTTP/1.1\r\nHost: www.files.example\r\n\r\n")
        got = sock.recv(4096)
        assert b" 200 " in got.split(b"\r\n")[0]
        if change == "shrink":
            os.truncate(path, 100)
        else:
            path.write_bytes(b"b" * size)
        try:
            while chunk := sock.recv(1 << 20):
                got += chunk
        except OSError:
            pass
    body = got.partition(b"\r\n\r\n")[2]
    assert len(body) < size, "cut: what came cannot pass for the file"
    meridian.wait_until(lambda: edge.metric("meridian_edge_files_cut_total") == before + 1, "it is counted")
    assert edge.get("/text.txt")[2] == TEXT


def test_many_clients_at_once_and_slow_ones_too(files):
    edge, _ = files
    wrong = []

    def load(n):
        for name, data in (("large.bin", LARGE), ("text.txt", TEXT)) * 2:
            if edge.get(f"/{name}")[2] != data:
                wrong.append(n)
    slow = edge.raw()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # much less makes the kernels wait for each other
    slow.sendall(b"GET /large.bin HTTP/1.1\r\nHost: www.files.example\r\nConnection: close\r\n\r\n")
    threads = [threading.Thread(target=load, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert read_to_end(slow).partition(b"\r\n\r\n")[2] == LARGE
    slow.close()


def test_streams_of_http2_share_the_files(files):
    edge, _ = files
    with H2(edge.host, 8080, authority="www.files.example") as client:
        streams = [client.get("/large.bin" if n % 5 == 0 else "/text.txt") for n in range(20)]
        client.until_over(*streams)
        for n, stream in enumerate(streams):
            assert client.streams[stream].status == 200
            assert client.streams[stream].body == (LARGE if n % 5 == 0 else TEXT)


def test_explain_and_check_say_what_is_served(files, tmp_path):
    edge, root = files

    def command(*arguments):
        done = subprocess.run([str(meridian.binaries() / "meridian"), *map(str, arguments)], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr
    assert f"file {root}/x.css" in command("explain", edge.file, "--host", "www.files.example", "--path", "/app/x.css")[1]
    assert "404: no file can have this name" in command("explain", edge.file, "--host", "www.files.example", "--path", "/app/.env")[1]
    assert "405 files are for GET and HEAD" in command("explain", edge.file, "--host", "www.files.example", "--path", "/app/x", "--method", "POST")[1]
    (tmp_path / "broken.yaml").write_text(edge.file.read_text().replace(str(root), str(tmp_path / "nowhere")))
    status, said = command("check", tmp_path / "broken.yaml")
    assert status != 0 and "is no directory: make it, or name another" in said
