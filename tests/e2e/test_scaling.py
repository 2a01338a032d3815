"""How many servers a pool shall have, seen from outside: a webhook is told, and a server that it starts is found by the DNS."""
import hashlib
import hmac
import http.server
import json
import threading

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address
from meridian import eventually
from test_discovery import Dns
from test_operator import meridian_command

KEY = "0123456789abcdef0123456789abcdef"
SERVICE = "_http._tcp.api.internal."


class Receiver:
    """A webhook that verifies who calls; `refusing` answers 503 to so many calls first."""

    def __init__(self, address, refusing=0, on_word=lambda word: None):
        self.words, self.refused, self.bad, receiver = [], 0, [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                timestamp = self.headers["X-Meridian-Timestamp"]
                wanted = "v1=" + hmac.new(KEY.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
                status = 204
                if not hmac.compare_digest(wanted, self.headers["X-Meridian-Signature"]):
                    receiver.bad.append(body)
                    status = 403
                elif receiver.refused < refusing:
                    receiver.refused += 1
                    status = 503
                else:
                    receiver.words.append(json.loads(body))
                    on_word(receiver.words[-1])
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://{address}:{self.server.server_address[1]}/scale"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def scale(edge, name="web"):
    return edge.pool(name)["autoscale"]


def busy_server(address, cpu):
    """A server whose health page says how busy it is: `server.facts["cpu"]`."""
    def answer(head):
        body = json.dumps({"status": "ok", "cpu_usage": cpu["percent"]}).encode()
        return ok(body)
    return Scripted(address, answering(answer))


def lone(directory, slot, servers, policy, edge=None):
    key = directory / "scaler.key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    pool = {"health": {"path": "/health", "interval": "200ms", "timeout": "200ms", "rise": 1}, "autoscale": policy}
    return LoneEdge(directory, slot, servers, pool=pool, edge=edge)


def test_cpu_over_its_target_calls_for_a_server_which_the_dns_then_names(tmp_path):
    with meridian.Lease() as slot:
        names = [slot_address(slot, f"2.{n}") for n in (1, 2)]
        dns = Dns(slot_address(slot, "9.1"))
        cpu = {"percent": 90}

        def start_another(word):
            """What a scaler does: starts servers, and names them."""
            if word["desired"] >= 2:
                dns.say(SERVICE, "SRV", *(f"0 1 9000 b{n}.api.internal." for n in (1, 2)))

        for n, name in enumerate(names, 1):
            dns.say(f"b{n}.api.internal.", "A", name)
        dns.say(SERVICE, "SRV", "0 1 9000 b1.api.internal.")
        try:
            with busy_server(names[0], cpu), busy_server(names[1], {"percent": 10}), \
                    Receiver(slot_address(slot, "8.1"), refusing=1, on_word=start_another) as receiver:
                edge_config = {"resolvers": [f"{slot_address(slot, '9.1')}:5353"],
                               "scaler": {"webhook": {"url": receiver.url, "key": str(tmp_path / "scaler.key")}, "file": True}}
                policy = {"mode": "on", "min": 1, "max": 5, "cpu": 70, "start_time": "2s", "up_cooldown": "1s"}
                with lone(tmp_path, slot, [{"srv": SERVICE.rstrip(".")}], policy, edge_config) as edge:
                    eventually(lambda: scale(edge).get("cpu") == 90, "the server says how busy it is")
                    assert scale(edge)["reason"] == "settling after a start" and scale(edge)["desired"] == 1
                    eventually(lambda: receiver.words, "the webhook is told, again after it has refused once")
                    assert receiver.refused == 1 and not receiver.bad
                    word = receiver.words[0]
                    assert word["pool"] == "web" and word["desired"] == 2 and word["servers"] == 1 and word["edge"] == edge.host
                    assert word["reason"] == "cpu 90 %, target 70 %"
                    # The circle closes: the pool has grown, and the new server is asked.
                    eventually(lambda: len(edge.servers()) == 2, "the pool has grown")
                    eventually(lambda: scale(edge)["serving"] == 2 and scale(edge)["cpu"] == 50, "both say how busy they are")
                    status = json.loads(edge.admin("/status", "GET")[1])
                    assert status["scaler"]["speaks"] == edge.host and status["scaler"]["failed"] == 1
                    assert edge.metric("meridian_edge_pool_servers_desired", 'pool="web"') == 2
                    assert edge.metric("meridian_edge_pool_servers_known", 'pool="web"') == 2
                    assert edge.metric("meridian_edge_scaler_calls_total", 'result="failed"') == 1
                    kept = edge.directory / "state" / f"edge-{edge.host}" / "scale.json"
                    eventually(lambda: json.loads(kept.read_text().splitlines()[0])["desired"] == 2, "the file says it, too")
                    assert "event=scale_up pool=web desired=2 before=1" in edge.process.text()
        finally:
            dns.stop()


def test_a_dry_run_tells_and_calls_nobody(tmp_path):
    with meridian.Lease() as slot, busy_server(slot_address(slot, "2.1"), {"percent": 90}) as server, \
            Receiver(slot_address(slot, "8.1")) as receiver:
        edge_config = {"scaler": {"webhook": {"url": receiver.url, "key": str(tmp_path / "scaler.key")}}}
        policy = {"mode": "dry_run", "min": 1, "max": 5, "cpu": 70, "in_flight": 100, "start_time": "2s"}
        with lone(tmp_path, slot, [server.name], policy, edge_config) as edge:
            eventually(lambda: scale(edge)["desired"] == 2, "another one is wanted")
            assert scale(edge)["last_change"]["reason"] == "cpu 90 %, target 70 %"
            assert not receiver.words and not receiver.bad
            # A reload with another minimum counts at once.
            edge.web["autoscale"]["min"] = 4
            edge.reload()
            eventually(lambda: scale(edge)["desired"] == 4, "the new minimum holds")


def test_what_waits_is_not_told_once_the_pool_is_only_reckoned(tmp_path):
    with meridian.Lease() as slot, busy_server(slot_address(slot, "2.1"), {"percent": 90}) as server, \
            Receiver(slot_address(slot, "8.1"), refusing=1000) as receiver:
        edge_config = {"scaler": {"webhook": {"url": receiver.url, "key": str(tmp_path / "scaler.key")}, "file": True}}
        policy = {"mode": "on", "min": 1, "max": 5, "cpu": 70, "start_time": "2s"}
        with lone(tmp_path, slot, [server.name], policy, edge_config) as edge:
            scaler = lambda: json.loads(edge.admin("/status", "GET")[1])["scaler"]
            eventually(lambda: receiver.refused and scaler()["waiting"] == 1, "it waits to be told again")
            kept = edge.directory / "state" / f"edge-{edge.host}" / "scale.json"
            eventually(lambda: '"desired":2' in kept.read_text(), "the file has it")
            edge.web["autoscale"]["mode"] = "dry_run"
            edge.reload()
            eventually(lambda: scaler()["waiting"] == 0, "nobody is told what does not hold any more")
            eventually(lambda: kept.read_text() == "", "nor does the file have it")


def test_one_edge_of_a_region_speaks(tmp_path):
    """The other edge is up, and its address is lower."""
    up = ok(json.dumps({"version": 1, "region": "eu", "state": "up"}).encode())
    with meridian.Lease() as slot, busy_server(slot_address(slot, "2.1"), {"percent": 90}) as server, \
            Receiver(slot_address(slot, "8.1")) as receiver:
        gone = threading.Event()
        other = Scripted(slot_address(slot, "1.0"), answering(lambda head: None if gone.is_set() else up), port=8080)
        with other:
            edge_config = {"scaler": {"webhook": {"url": receiver.url, "key": str(tmp_path / "scaler.key")}}}
            policy = {"mode": "on", "min": 2, "max": 5, "cpu": 70, "start_time": "2s"}
            key = tmp_path / "scaler.key"
            key.write_text(KEY + "\n")
            pool = {"health": {"path": "/health", "interval": "200ms", "timeout": "200ms", "rise": 1}, "autoscale": policy}
            regions = {"eu": {"edges": [other.address, slot_address(slot, "1.1")]}}
            health = {"edge": {"port": 8080, "interval": "200ms", "timeout": "200ms", "fall": 2, "rise": 1}}
            with LoneEdge(tmp_path, slot, [server.name], pool=pool, edge=edge_config, regions=regions, health=health) as edge:
                eventually(lambda: json.loads(edge.admin("/status", "GET")[1])["scaler"]["speaks"] == other.address, "the other speaks")
                eventually(lambda: "event=scale_up" in edge.process.text(), "this one reckons along")
                assert not receiver.words
                gone.set()  # the connection that is kept ends, too
                other.__exit__()
                eventually(lambda: receiver.words, "it goes on when the other is gone")
                assert receiver.words[0]["edge"] == edge.host and receiver.words[0]["desired"] == 2


def upgrade(edge):
    """The old process, which drains; the new one serves."""
    old = edge.process
    edge.process = meridian.Process([*old.arguments, "--upgrade"], edge.directory / "successor.log")
    eventually(lambda: not edge.process.running() or "event=taken_over" in old.text(), "it is taken over")
    assert edge.process.running(), edge.process.text()
    return old


def test_what_was_called_for_outlives_an_upgrade_and_a_restart(tmp_path):
    with meridian.Lease() as slot, busy_server(slot_address(slot, "2.1"), {"percent": 90}) as server, \
            Receiver(slot_address(slot, "8.1")) as receiver:
        edge_config = {"scaler": {"webhook": {"url": receiver.url, "key": str(tmp_path / "scaler.key")}}}
        policy = {"mode": "on", "min": 1, "max": 5, "cpu": 70, "start_time": "2s"}
        with lone(tmp_path, slot, [server.name], policy, edge_config) as edge:
            eventually(lambda: scale(edge)["desired"] == 2 and receiver.words, "another one is called for")
            change = scale(edge)["last_change"]
            assert change["reason"] == "cpu 90 %, target 70 %"

            # Its minimum is the same; what is there, one server, is not what is wanted.
            heard = len(receiver.words)
            old = upgrade(edge)
            assert scale(edge)["desired"] == 2 and scale(edge)["last_change"] == change
            assert "event=scale_recalled pool=web desired=2" in edge.process.text()
            eventually(lambda: len(receiver.words) > heard, "the new process says where things stand")
            assert receiver.words[-1]["desired"] == 2 and receiver.words[-1]["decided"] == change["at"]
            told = old.text().count("event=scaler_told")
            edge.web["autoscale"]["min"] = 3
            edge.reload()
            eventually(lambda: receiver.words[-1]["desired"] == 3, "the new process speaks")
            assert old.text().count("event=scaler_told") == told and "desired=3" not in old.text(), "the old one is silent"
            eventually(lambda: not old.running(), "the old process has ended")

            # A restart, for which nobody is told.
            kept = edge.directory / "state" / f"edge-{edge.host}" / "scaling.json"
            eventually(lambda: json.loads(kept.read_text())["pools"]["web"]["desired"] == 3, "it is kept")
            edge.web["autoscale"]["min"] = 1
            edge.write()
            edge.process.stop()
            edge.start()
            assert scale(edge)["desired"] == 3 and scale(edge)["last_change"]["reason"] == "min"

            # One that is too old says nothing.
            edge.process.stop()
            memory = json.loads(kept.read_text())
            memory["at"] -= 3600
            kept.write_text(json.dumps(memory))
            edge.start()
            assert scale(edge)["desired"] <= 1 and "last_change" not in scale(edge)


def test_status_tells_what_is_wanted_and_who_speaks(tmp_path):
    with meridian.Lease() as slot, busy_server(slot_address(slot, "2.1"), {"percent": 10}) as server:
        edge_config = {"scaler": {"file": True}}
        with lone(tmp_path, slot, [server.name], {"mode": "dry_run", "min": 1, "max": 5, "cpu": 70}, edge_config) as edge:
            eventually(lambda: scale(edge)["servers"] == 1, "it is looked at")
            socket = edge.directory / "state" / f"edge-{edge.host}" / "admin.sock"
            said = meridian_command("status", "--server", f"unix:{socket}")
            assert "scale web: 1 wanted, 1 there" in said and "(1 to 5, dry_run): settling after a start" in said, said
            assert f"scaler: {edge.host} speaks, 0 calls taken, 0 failed, 0 wait" in said, said


def test_the_shop_says_how_many_servers_it_wants(shop):
    def told(region, name):
        pools = json.loads(shop.admin(region, "/status")[1])["pools"]
        return next(pool for pool in pools if pool["pool"] == name)["autoscale"]
    for name, servers, least in (("api", 5, 3), ("checkout", 2, 2)):
        for region in meridian.REGIONS:
            eventually(lambda: told(region, name).get("cpu") is not None, "the servers say how busy they are")
            one = told(region, name)
            assert one["mode"] == "dry_run" and one["servers"] == servers, one
            assert one["desired"] >= least, f"after minutes with nothing to do it may be less than there are: {one}"
