"""Runs http-tests/cache-tests against the edge (and --peers), and tells what failed.

Usage: tools/cachetests [--peers] [--keep FOLDER] [TEST-ID]
Exit status 1 if the edge fails a test that the suite requires, but for those of OTHERWISE, where RFC 9111 or the suite itself, later, says
something else than this version of it.
"""
import collections
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import meridian  # noqa: E402
from lone_edge import LoneEdge, slot_address  # noqa: E402

VERSION = "0.4.5"  # the newest of the registry; of 2021, before RFC 9111
# Its server listens on all addresses; here only on the one that it is given.
BIND = ("const net = require('net'); const listen = net.Server.prototype.listen;"
        "net.Server.prototype.listen = function (port) { return listen.call(this, { port: Number(port), host: process.env.SUITE_HOST }) }")
AGE = "an Age that is no number is ignored, and of several the first counts (RFC 9111 5.1); later versions of the suite say so, too"
SURROGATE = "Surrogate-Control is no standard of HTTP; RFC 9213 has CDN-Cache-Control in its place, as later versions of the suite"
STALE = "is asked only of caches that serve stale responses unasked; ours does where `stale_if_error` says so"
COOKIE = "Set-Cookie is not stored unless the route says `set_cookie: store`"
OTHERWISE = {
    "age-parse-": AGE, "surrogate-": SURROGATE, "stale-close-": STALE, "headers-store-Set-Cookie": COOKIE, "304-etag-update-response-Set-Cookie": COOKIE,
    "headers-store-Transfer-Encoding": "a server's message with a transfer coding that nobody knows is no message (RFC 9112 6.1)",
    "conditional-lm-fresh-no-lm": "If-Modified-Since is older than Date, which stands in for Last-Modified: 200 (RFC 9111 4.3.2)",
    "304-etag-update-response-ETag": "a 304 with another tag is about another representation (RFC 9111 4.3.4)",
}
GOOD = {"✅", "Y"}


def installed():
    """The suite's folder; what is installed once is used again."""
    home = ROOT / "build/cachetests"
    suite = home / "node_modules/http-cache-tests"
    known = suite / "package.json"
    if not known.exists() or json.loads(known.read_text())["version"] != VERSION:
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", f"http-cache-tests@{VERSION}"], cwd=home, check=True)
    return suite


@contextlib.contextmanager
def listening(command, log, host, port, environment=None):
    running = meridian.Process(command, log, environment=environment)
    try:
        def connects():
            socket.create_connection((host, port), timeout=1).close()
            return True
        meridian.wait_until(lambda: not running.running() or connects(), f"{command[0]} listens")
        assert running.running(), running.text()
        yield
    finally:
        running.kill()


@contextlib.contextmanager
def origin(suite, folder, address):
    """The suite's server, for one run: it remembers what it was asked."""
    (folder / "bind.cjs").write_text(BIND)
    settings = {"SUITE_HOST": address, "npm_config_protocol": "http", "npm_config_port": "8000", "npm_config_pidfile": str(folder / "server.pid")}
    command = ["node", "--require", folder / "bind.cjs", suite / "server/server.mjs"]
    with listening(command, folder / "server.log", address, 8000, {**os.environ, **settings}):
        yield


def ask(suite, base, folder, only=""):
    run = subprocess.run(["node", "--no-warnings", ROOT / "tools/lib/cachetests.mjs", suite, base, *([only] if only else [])], stdout=subprocess.PIPE, text=True, check=True)
    *shown, last = run.stdout.strip().splitlines()
    print("\n".join(shown))
    (folder / "results.json").write_text(last)
    return json.loads(last)


@contextlib.contextmanager
def edge(folder, slot, server):
    routes = [{"path": "/", "pool": "web", "cache": {"store": "main", "heuristic": True}}]
    with LoneEdge(folder, slot, [f"{server}:8000"], routes=routes, edge={"caches": {"main": {"size": "64MiB"}}}) as running:
        yield f"http://{running.host}:8080"


# What else is a cache, with what the suite's own runs are set to, or as it comes.
NGINX = """daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; user root;
events {{}}
http {{ access_log off; proxy_cache_path {folder}/cache keys_zone=my-cache:8m max_size=1000m inactive=600m; proxy_temp_path {folder}/tmp;
client_body_temp_path {folder}/body; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
server {{ listen {host}:8002; location / {{ proxy_pass http://{server}:8000; proxy_cache my-cache; proxy_cache_revalidate on; }} }} }}
"""
SQUID = """http_port {host}:8002 accel defaultsite=localhost no-vhost
cache_peer {server} parent 8000 0 no-query no-digest originserver default name=origin
http_access allow all
cache_peer_access origin allow all
shutdown_lifetime 1 second
pid_filename {folder}/pid
access_log none
cache_log {folder}/cache.log
coredump_dir {folder}
cache_effective_user proxy
visible_hostname localhost
"""
APACHE = """ServerRoot {folder}
PidFile {folder}/pid
Listen {host}:8002
ServerName localhost
User www-data
Group www-data
ErrorLog {folder}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LoadModule cache_module {modules}/mod_cache.so
LoadModule cache_disk_module {modules}/mod_cache_disk.so
ProxyPass "/" "http://{server}:8000/"
CacheEnable disk /
CacheRoot {folder}/cache
CacheDirLevels 5
CacheDirLength 3
CacheDefaultExpire 0
CacheIgnoreNoLastMod On
CacheStoreExpired On
CacheHeader On
"""
VARNISH = 'vcl 4.1; backend default {{ .host = "{server}"; .port = "8000"; }}'


def peer_commands(folder, host, server):
    """Name of each, its configuration's file and text, and its command; none of those that are not installed."""
    file = folder / "peer.conf"
    words = {"folder": folder, "host": host, "server": server, "modules": "/usr/lib/apache2/modules"}
    return {
        "nginx": (NGINX.format(**words), ["nginx", "-c", file, "-p", folder]),
        "varnish": (VARNISH.format(**words), ["varnishd", "-F", "-a", f"{host}:8002", "-f", file, "-n", folder / "varnish", "-t", "0", "-p", "default_grace=0", "-p", "default_keep=3600"]),
        "squid": (SQUID.format(**words), ["squid", "-N", "-f", file]),
        "apache": (APACHE.format(**words), ["apache2", "-D", "FOREGROUND", "-f", file]),
    }


@contextlib.contextmanager
def peer(name, folder, slot, server):
    host = slot_address(slot, "1.2")
    text, command = peer_commands(folder, host, server)[name]
    (folder / "peer.conf").write_text(text)
    (folder / "cache").mkdir()
    for one in (folder.parent, folder, folder / "cache"):
        one.chmod(0o777)
    with listening(command, folder / "peer.log", host, 8002):
        yield f"http://{host}:8002"


def counts(told):
    """For each kind: how many are as wished, of how many; and those that required but are known to be asked otherwise left out."""
    seen = collections.defaultdict(lambda: [0, 0])
    for one in told:
        kinds = [one["kind"]] + (["RFC 9111"] if one["kind"] == "required" and not otherwise(one["id"]) else [])
        for kind in kinds:
            seen[kind][0] += one["mark"] in GOOD
            seen[kind][1] += 1
    return seen


def otherwise(name):
    return next((why for front, why in OTHERWISE.items() if name.startswith(front)), None)


def show(name, told):
    seen = counts(told)
    print(f"{name:10}" + "".join(f"  {kind} {seen[kind][0]}/{seen[kind][1]}" for kind in ("required", "RFC 9111", "optimal", "check")))


def main(arguments):
    if "-h" in arguments or "--help" in arguments:
        print(__doc__)
        return 0
    peers = "--peers" in arguments
    arguments = [one for one in arguments if one != "--peers"]
    keep = arguments.index("--keep") if "--keep" in arguments else None
    folder = pathlib.Path(arguments.pop(keep + 1) if keep is not None else tempfile.mkdtemp(prefix="cachetests-"))
    if keep is not None:
        arguments.pop(keep)
    suite, told = installed(), {}
    with meridian.Lease() as slot:
        server = slot_address(slot, "2.1")
        for name in ["edge"] + [one for one in ("nginx", "varnish", "squid", "apache") if peers]:
            (folder / name).mkdir(parents=True)
            with origin(suite, folder / name, server):
                with edge(folder / name, slot, server) if name == "edge" else peer(name, folder / name, slot, server) as base:
                    told[name] = ask(suite, base, folder / name, arguments[0] if arguments else "")
            if not arguments:
                show(name, told[name])
    failed = [one for one in told["edge"] if one["mark"] not in GOOD]
    reasons = collections.defaultdict(list)
    for one in failed:
        if one["kind"] != "check" or arguments:
            reasons[otherwise(one["id"]) or f"{one['mark']} {one['said']}"].append(f"{one['kind']} {one['id']}")
    for why, those in sorted(reasons.items()):
        print(f"{why}\n    " + ", ".join(those))
    print(f"what they said is in {folder}")
    return 1 if any(one["kind"] == "required" and not otherwise(one["id"]) for one in failed) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
