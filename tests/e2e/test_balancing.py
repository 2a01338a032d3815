"""How an edge shares requests among real servers: algorithms, sticky sessions, and an operator's word at run time."""
import http.client
import json
import secrets
import subprocess
from collections import Counter

import meridian

REGION = "eu"
WEB = [f"eu-web-{n}" for n in (1, 2, 3)]


def with_balance(line):
    """The shop with another `balance` for the pool web, whose servers weigh 3, 2 and 1."""
    def edit(text):
        return meridian.patient(text).replace("      balance: weighted_round_robin\n", line, 1)
    return edit


class Edge:
    """The backends and one edge of a shop, without DNS."""

    def __init__(self, directory, edit):
        self.shop = meridian.Shop(directory, edit)
        self.sticky_key = self.shop.zones / "sticky.keys"
        self.sticky_key.write_text(secrets.token_hex(16) + "\n")

    def __enter__(self):
        self.shop.start_backends()
        self.shop.start_edge(REGION)
        return self

    def __exit__(self, *_):
        self.shop.close()

    def address(self, n):
        return self.shop.address(f"3.{10 + n}") + ":9000"

    def admin(self, path):
        status, body = self.shop.admin(REGION, path, method="POST")
        return status, body

    def ask(self, count=1, path="/", headers=None, source=None):
        """Which servers answer requests on one connection."""
        where = (source, 0) if source else None
        connection = http.client.HTTPConnection(self.shop.edge_address(REGION), 8080, source_address=where, timeout=10)
        servers, cookies = [], []
        for _ in range(count):
            connection.request("GET", path, headers={"Host": "www.shop.example", **(headers or {})})
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, body
            servers.append(json.loads(body)["server"])
            cookies.append(response.headers.get_all("Set-Cookie") or [])
        connection.close()
        return servers, cookies


def command(*arguments):
    return subprocess.run([meridian.binaries() / "meridian", *arguments], capture_output=True, text=True, timeout=60, check=False)


def shares(edge, count=120, **options):
    return Counter(edge.ask(count, **options)[0])


def test_every_algorithm_serves_and_takes_what_a_reload_says(tmp_path):
    """One request at a time of servers that weigh 3, 2 and 1: each algorithm leaves a mark of its own."""
    first, second, third = WEB

    def turns(edge):
        assert shares(edge) == {first: 60, second: 40, third: 20}

    def least_connections(edge):
        assert shares(edge) == {first: 120}, "with nothing in flight the heaviest is always the least loaded"

    def least_time(edge):
        meridian.http_get(edge.shop.address("3.11"), 9000, f"/fail?mode=ok&name={first}&delay=150ms", method="POST")
        try:
            edge.ask(12)  # it is found to be slow
            assert shares(edge)[first] <= 12, "the heaviest is slow: it is left alone, or nearly"
        finally:
            meridian.http_get(edge.shop.address("3.11"), 9000, f"/fail?mode=ok&name={first}&delay=0ms", method="POST")

    def random_two(edge):
        found = shares(edge, 300)
        assert found[third] == 0, "the lightest loses to whomever it is drawn with"
        assert found[first] > found[second] > 0

    def ip_hash(edge):
        homes = []
        for n in range(40):
            one = shares(edge, 3, source=edge.shop.address(f"9.{n + 1}"))
            assert len(one) == 1, "an address has one server"
            homes += one
        assert set(homes) == set(WEB), "and addresses have different ones"

    def by_path(edge):
        homes = []
        for n in range(60):
            one = shares(edge, 3, path=f"/{n}")
            assert len(one) == 1, "a path has one server"
            homes += one
        assert set(homes) == set(WEB), "and paths have different ones"

    now = "      balance: weighted_round_robin\n"
    with Edge(tmp_path, with_balance(now)) as edge:
        turns(edge)
        for name, check, more in (("least_connections", least_connections, ""), ("least_time", least_time, ""), ("random_two", random_two, ""),
                                  ("ip_hash", ip_hash, ""), ("consistent_hash", by_path, "      hash: {by: path}\n"), ("weighted_round_robin", turns, "")):
            following = f"      balance: {name}\n{more}"
            edge.shop.config.write_text(edge.shop.config.read_text().replace(now, following, 1))
            now = following
            assert edge.admin("/reload")[0] == 200
            if check is least_connections:
                meridian.wait_until(lambda: set(edge.ask(3)[0]) == {first}, "the workers have heard of it")
            check(edge)


def test_consistent_hash_by_header_spreads_keys_and_keeps_each(tmp_path):
    line = "      balance: consistent_hash\n      hash: {by: {header: X-User}, bounded_load: 4}\n"
    with Edge(tmp_path, with_balance(line)) as edge:
        home = {user: edge.ask(1, headers={"X-User": f"user-{user}"})[0][0] for user in range(120)}
        for user in range(0, 120, 7):
            assert edge.ask(1, headers={"X-User": f"user-{user}"}, source=edge.shop.address("9.9"))[0][0] == home[user]
        shares = Counter(home.values())
        assert set(shares) == set(WEB) and shares["eu-web-1"] > shares["eu-web-3"]
        # One drains: its keys go elsewhere, nobody else's do.
        assert edge.admin(f"/drain?pool=web&server={edge.address(2)}")[0] == 200
        for user, server in home.items():
            found = edge.ask(1, headers={"X-User": f"user-{user}"})[0][0]
            assert found == server if server != "eu-web-2" else found != "eu-web-2"


def test_a_session_sticks_falls_back_and_survives_a_restart_of_the_edge(tmp_path):
    line = "      balance: round_robin\n      sticky: {keys: sticky.keys, secure: false, max_age: 1h}\n"

    def edit(text):
        text = with_balance(line)(text)
        for weight in (3, 2, 1):
            text = text.replace(f", weight: {weight}", "")
        return text
    with Edge(tmp_path, edit) as edge:
        servers, cookies = edge.ask(1)
        assert len(cookies[0]) == 1
        cookie, _, attributes = cookies[0][0].partition("; ")
        assert attributes == "Path=/; Max-Age=3600; SameSite=Lax; HttpOnly"
        assert edge.address(1).split(":")[0] not in cookie
        with_it = {"Cookie": f"lang=en; {cookie}"}
        again, more = edge.ask(12, headers=with_it)
        assert set(again) == set(servers) and not any(more), "no cookie is set when it is right already"
        assert len(set(edge.ask(12)[0])) == 3, "who has none is balanced"
        forged = {"Cookie": cookie[:-1] + ("0" if cookie[-1] != "0" else "1")}
        assert edge.ask(1, headers=forged)[1][0], "what we did not sign is replaced"

        mine = int(servers[0][-1])
        drained = command("drain", edge.address(mine), "--pool", "web", "--server", edge.shop.server(REGION))
        assert drained.returncode == 0, drained.stderr
        assert set(edge.ask(6, headers=with_it)[0]) == set(servers), "sessions stay while it drains"
        assert servers[0] not in edge.ask(12)[0], "new ones go elsewhere"

        # The edge ends and comes back: the word and the cookies still hold.
        edge.shop.edge(REGION).stop()
        edge.shop.start_edge(REGION)
        assert servers[0] not in edge.ask(12)[0]
        assert set(edge.ask(6, headers=with_it)[0]) == set(servers)
        enabled = command("enable", edge.address(mine), "--pool", "web", "--server", edge.shop.server(REGION))
        assert enabled.returncode == 0, enabled.stderr
        assert servers[0] in edge.ask(12)[0]


def test_a_weight_at_run_time_survives_a_reload(tmp_path):
    with Edge(tmp_path, None) as edge:
        admin = edge.shop.server(REGION)
        assert Counter(edge.ask(60)[0]) == {"eu-web-1": 30, "eu-web-2": 20, "eu-web-3": 10}
        said = command("weight", edge.address(3), "5", "--pool", "web", "--server", admin)
        assert said.returncode == 0, said.stderr
        wanted = {"eu-web-1": 30, "eu-web-2": 20, "eu-web-3": 50}
        meridian.wait_until(lambda: Counter(edge.ask(100)[0]) == wanted, "the new weight counts")
        assert edge.admin("/reload")[0] == 200
        meridian.wait_until(lambda: Counter(edge.ask(100)[0]) == wanted, "the weight holds over a reload")
        assert command("weight", edge.address(3), "default", "--pool", "web", "--server", admin).returncode == 0
        assert "weight_override" not in edge.shop.admin(REGION, "/status")[1]
        meridian.wait_until(lambda: Counter(edge.ask(60)[0]) == {"eu-web-1": 30, "eu-web-2": 20, "eu-web-3": 10}, "as configured again")
        for bad, reason in ((("0",), "drain"), (("999",), "weight"), (("x",), "weight")):
            refused = command("weight", edge.address(3), *bad, "--pool", "web", "--server", admin)
            assert refused.returncode == 1 and reason in refused.stderr
        unknown = command("weight", "127.0.0.1:1", "2", "--pool", "web", "--server", admin)
        assert unknown.returncode == 1 and edge.address(1) in unknown.stderr


def test_a_weight_has_a_reason_and_an_end(tmp_path):
    with Edge(tmp_path, None) as edge:
        def third():
            return edge.shop.status(REGION)["pools"][0]["servers"][2]

        def say(weight, *more, status=0):
            done = command("weight", edge.address(3), weight, "--pool", "web", "--server", edge.shop.server(REGION), *more)
            assert done.returncode == status, done.stderr
            return done.stderr
        say("5", "--reason", "a hot rack", "--expires", "2h")
        word = third()["weight_override"]
        assert word["weight"] == 5 and word["reason"] == "a hot rack" and word["since"].endswith("Z")
        assert 0 < word["expires_in_seconds"] <= 7200
        assert "weight 5 since" in command("status", "--server", edge.shop.server(REGION)).stdout
        assert "word=\"a hot rack\"" in edge.shop.edge(REGION).text()
        edge.shop.edge(REGION).stop()
        edge.shop.start_edge(REGION)
        assert third()["weight_override"]["reason"] == "a hot rack", "it survives a restart"
        say("7", "--reason", "a trial", "--expires", "1s")
        meridian.wait_until(lambda: third()["weight"] == 1 and "weight_override" not in third(), "the word ends by itself")
        assert "the operator's word has expired" in edge.shop.edge(REGION).text()
        assert "expires" in say("default", "--expires", "1h", status=1)
        assert "expires" in say("5", "--expires", "soon", status=2)


def test_a_drained_edge_stays_drained_over_a_restart(tmp_path):
    with Edge(tmp_path, None) as edge:
        assert edge.admin("/drain?scope=edge")[0] == 200
        edge.shop.edge(REGION).stop()
        edge.shop.launch(REGION, [meridian.binaries() / "meridian-edge", "--config", edge.shop.config, "--region", REGION])
        meridian.wait_until(lambda: b"draining" in edge.shop.edge_get(REGION, "/.meridian/health")[2], "the edge is there and drains")
        assert edge.admin("/undrain?scope=edge")[0] == 200
        meridian.wait_until(lambda: b"up" in edge.shop.edge_get(REGION, "/.meridian/health")[2], "the edge serves again")
