"""A browser loads a page of 100 objects from static files and the cache, over HTTP/2 and TLS: every object is right, hints are used before
the page is there, a second load comes from its cache and by 304s, all on one connection (docs/content.md). Chromium is large, so that
tools/browser installs it and CI does not; where it is not, there is nothing to test."""
import asyncio
import base64
import collections
import hashlib
import json
import random
import shutil
import subprocess
import threading

import pytest

import meridian
from certificates import Authority
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

websockets = pytest.importorskip("websockets")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="tools/browser installs chromium")

NAME = "www.page.example"
# In the order of the page: which route, and the coding that it has to come with.
KINDS = {"file": None, "checked": None, "gzip": "gzip", "br": "br", "zstd": "zstd"}
OBJECTS = [(kind, number) for number in range(20) for kind in KINDS]


def payload(kind, number):
    return "".join(random.Random(f"{kind}{number}").choices("abcdefghij klmnop", k=3000 + 97 * number))


def script(kind, number):
    return f"seen({json.dumps(kind)}, {number}, {json.dumps(payload(kind, number))});".encode()


def sum_of(text):
    """As the page counts it."""
    value = 7
    for letter in text:
        value = (value * 31 + ord(letter)) % 4294967296
    return value


PAGE = b"""<!doctype html><title>page</title><link rel=stylesheet href=/gzip/hinted.css>
<script>var found = {}; function seen(kind, number, text) {
  var value = 7; for (var i = 0; i < text.length; ++i) value = (value * 31 + text.charCodeAt(i)) % 4294967296;
  found[kind + number] = value; }</script>
""" + b"\n".join(f"<script src=/{kind}/{number}.js></script>".encode() for kind, number in OBJECTS)


class Backend:
    """Sends the page when what was hinted has been asked for, if it is that before long."""

    def __init__(self, address):
        self.hinted, self.early = threading.Event(), []
        self.server = Scripted(address, answering(self.answer))

    def answer(self, head):
        path = head.split(b" ", 2)[1].decode()
        if path == "/":
            self.early.append(self.hinted.wait(20))
            return ok(PAGE, b'Content-Type: text/html\r\nCache-Control: no-cache\r\nETag: "page"\r\nLink: </gzip/hinted.css>; rel=preload; as=style\r\n')
        if path.endswith("hinted.css"):
            self.hinted.set()
            return ok(b"body { color: rgb(1, 2, 3) }", b"Content-Type: text/css\r\nCache-Control: max-age=3600\r\nCDN-Cache-Control: no-store\r\n")
        if not path.endswith(".js"):
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        _, kind, name = path.split("/")
        return ok(script(kind, int(name.removesuffix(".js"))), b"Content-Type: text/javascript\r\nCache-Control: max-age=3600\r\n")


def key_hash(certificate):
    """As --ignore-certificate-errors-spki-list has it: with it Chromium trusts this key, and caches what it brings."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-pubkey", "-noout"], capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, capture_output=True, check=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Browser:
    """Chromium without a window, as its DevTools protocol has it: what it has loaded, in `events`."""

    def __init__(self, folder, host, certificate):
        self.folder, self.host, self.certificate = folder, host, certificate
        self.profile = folder / "profile"
        self.process = meridian.Process([
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={self.profile}", "--remote-debugging-port=0",
            f"--ignore-certificate-errors-spki-list={key_hash(certificate)}", f"--host-resolver-rules=MAP {NAME}:443 {host}:8443", "about:blank"],
            folder / "chromium.log")
        self.count, self.events = 0, []

    async def open(self):
        port = self.profile / "DevToolsActivePort"
        meridian.eventually(lambda: not self.process.running() or (port.exists() and len(port.read_text().split("\n")) > 1), "Chromium listens")
        assert self.process.running(), self.process.text()
        number = port.read_text().split("\n")[0]
        pages = json.loads(meridian.http_get("127.0.0.1", int(number), "/json/list")[2])
        self.socket = await websockets.connect(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"), max_size=None)
        for domain in ("Page", "Network"):
            await self.ask(f"{domain}.enable")

    async def ask(self, method, **parameters):
        self.count += 1
        await self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        return (await self.until(lambda message: message.get("id") == self.count))["result"]

    async def until(self, wanted):
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 120))
            self.events.append(message)
            if wanted(message):
                return message

    async def load(self, method, **parameters):
        """What became of each path: what CDP says of its response, with the status that came over the network."""
        self.events.clear()
        await self.ask(method, **parameters)
        if not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            await self.until(lambda message: message.get("method") == "Page.loadEventFired")
        found, wire, names = {}, {}, {}
        for event in self.events:
            about = event.get("params", {})
            if event.get("method") == "Network.responseReceived":
                path = about["response"]["url"].removeprefix(f"https://{NAME}")
                found[path], names[about["requestId"]] = about["response"], path
            elif event.get("method") == "Network.responseReceivedExtraInfo" and about["statusCode"] != 103:
                wire[about["requestId"]] = about["statusCode"]
        for request, path in names.items():
            found[path]["wire"] = wire.get(request)
        result = await self.ask("Runtime.evaluate", expression="JSON.stringify([found, getComputedStyle(document.body).color])")
        return found, json.loads(result["result"]["value"])

    def another(self):
        """One that has seen nothing."""
        folder = self.folder / "another"
        folder.mkdir()
        return Browser(folder, self.host, self.certificate)

    def close(self):
        self.process.kill()


def asks_early(backend, browser):
    """Whether a browser that has seen nothing asks for what was hinted before the page comes."""
    async def run():
        await browser.open()
        await browser.load("Page.navigate", url=f"https://{NAME}/")
    backend.hinted.clear()
    before = len(backend.early)
    try:
        asyncio.run(run())
    finally:
        browser.close()
    return backend.early[before]


@pytest.fixture
def world(tmp_path):
    """(edge, backend, browser)"""
    for kind in ("file", "checked"):
        (tmp_path / "www" / kind).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "www" / kind / f"{number}.js").write_bytes(script(kind, number))
    certificate = Authority(tmp_path).issue(NAME)
    listen = [{"address": "{edge}:8080"}, {"address": "{edge}:8443", "protocol": "https", "certificates": [certificate.listed()]}]
    files = {"root": str(tmp_path / "www"), "strip_path": False}
    routes = [{"path": "/file/", "files": {**files, "cache_control": "max-age=3600"}}, {"path": "/checked/", "files": {**files, "cache_control": "no-cache"}},
              *[{"path": f"/{coding}/", "pool": "web", "cache": {"store": "main"}, "compression": {"codings": [coding], "min_size": "1B"}} for coding in ("gzip", "br", "zstd")],
              {"path": "/", "pool": "web", "cache": {"store": "main"}, "early_hints": "</gzip/hinted.css>; rel=preload; as=style"}]
    with meridian.Lease() as slot:
        backend = Backend(slot_address(slot, "2.1"))
        with backend.server, LoneEdge(tmp_path, slot, [backend.server.name], routes=routes, edge={"listen": listen, "caches": {"main": {"size": "64MiB"}}}) as edge:
            browser = Browser(tmp_path, edge.host, certificate.certificate)
            try:
                yield edge, backend, browser
            finally:
                browser.close()


def right(found, shown):
    sums, color = shown
    wrong = {path: response for path, response in found.items() if response["status"] not in (200, 304) and path != "/favicon.ico"}
    assert not wrong, dict(list(wrong.items())[:3])
    assert color == "rgb(1, 2, 3)"
    assert sums == {f"{kind}{number}": sum_of(payload(kind, number)) for kind, number in OBJECTS}


def test_a_page_of_a_hundred_objects(world):
    edge, backend, browser = world
    accepted = edge.metric("meridian_edge_h2_connections_total")

    async def run():
        await browser.open()
        first = await browser.load("Page.navigate", url=f"https://{NAME}/")
        second = await browser.load("Page.reload")
        return first, second
    (found, shown), (again, shown_again) = asyncio.run(run())

    right(found, shown)
    assert len(found) >= 102 and {response["protocol"] for path, response in found.items()} == {"h2"}
    assert len({response["connectionId"] for response in found.values()} - {0}) == 1, "one connection (0: what was hinted lies in its cache already)"
    for kind, number in OBJECTS:
        headers = {name.lower(): value for name, value in found[f"/{kind}/{number}.js"]["headers"].items()}
        assert headers.get("content-encoding") == KINDS[kind], (kind, headers)
    asked = collections.Counter(head.split(b" ", 2)[1] for _, head in backend.server.heads)
    assert all(asked[f"/{kind}/{number}.js".encode()] == 1 for kind, number in OBJECTS if KINDS[kind])

    right(again, shown_again)
    for kind, number in OBJECTS:
        response = again[f"/{kind}/{number}.js"]
        if kind == "checked":
            assert response["wire"] == 304, response
        else:
            assert response["fromDiskCache"] or response["wire"] is None, response
    assert again["/"]["wire"] == 304
    assert edge.metric("meridian_edge_h2_connections_total") - accepted <= 2, "no second one but what it opens ahead of need"
    # That the hint comes before the page is the edge's part (test_early_hints.py); a browser need not follow it, and one of some hundred did not.
    assert backend.early[0] or asks_early(backend, browser.another()), "what was hinted was asked for before the page came"
