"""Prometheus takes the metrics, the rules and the alerts as they are, and every panel of the dashboard shows something."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest
import yaml

import hosts

sys.path.insert(0, str(hosts.ROOT / "tests/support"))

import collector  # noqa: E402  (the path comes first)
import meridian  # noqa: E402
import redis_server  # noqa: E402

FILES = hosts.ROOT / "ansible/roles/monitoring/files"
pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs prometheus")
REGIONS = ("us-east", "us-west", "eu")


# What the shop does not use, and the dashboard shows.
FEATURES = """  caches: {pages: {}}
  limits: {gentle: {rate: 1000/s, burst: 1000}, shared: {rate: 1000/s, burst: 1000, scope: region}}
  redis: {servers: ["REDIS"]}
  trace: {sample: 100%, otlp: {url: "COLLECTOR", delay: 100ms}}
  compression: {}
  routes:
    - {path: /cached/, pool: web, cache: {store: pages, ttl: {200: 1m}}, limits: [gentle, shared]}
    - {path: /copied/, pool: web, mirror: {pool: api, share: 100%}}
    - {path: /files/, files: {root: "ROOT"}}
"""


def with_features(folder, redis, spans):
    secret = folder / "sticky.keys"
    secret.write_text("000102030405060708090a0b0c0d0e0f\n")
    secret.chmod(0o600)
    (folder / "page.html").write_text("a page\n" * 1000)

    def edit(text):
        text = text.replace("  routes:\n", FEATURES.replace("ROOT", str(folder)).replace("REDIS", redis).replace("COLLECTOR", spans), 1)
        return meridian.steady(text).replace("      balance: weighted_round_robin\n", "      balance: weighted_round_robin\n      adaptive: {mode: enforce, min: 100}\n"
                                             "      queue: {size: 100}\n"
                                             f"      sticky: {{store: redis, learn: JSESSIONID, keys: \"{secret}\"}}\n", 1)
    return edit


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    slot = meridian.Lease()
    try:
        with redis_server.Redis(tmp_path_factory.mktemp("redis"), f"127.{slot.number}.3.1") as redis, collector.Collector(f"127.{slot.number}.5.1") as spans:
            with meridian.Shop(tmp_path_factory.mktemp("shop"), edit=with_features(folder, redis.name, spans.url)) as running:
                yield running.start()
    finally:
        slot.release()


class Prometheus:
    def __init__(self, folder, address, targets):
        self.url = f"http://{address}:9090"
        for name in ("meridian-rules.yml", "meridian-alerts.yml"):
            shutil.copy(FILES / name, folder / name)
        jobs = [{"job_name": job, "static_configs": [{"targets": [target], "labels": labels} for target, labels in those]} for job, those in targets.items()]
        (folder / "prometheus.yml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["meridian-rules.yml", "meridian-alerts.yml"], "scrape_configs": jobs}))
        self.process = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}:9090"],
                                        stdout=subprocess.DEVNULL, stderr=open(folder / "prometheus.log", "w"))

    def ask(self, expression):
        with urllib.request.urlopen(f"{self.url}/api/v1/query?query={urllib.parse.quote(expression)}", timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def page(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)["data"]


@pytest.fixture(scope="module")
def prometheus(shop, tmp_path_factory):
    address = shop.dns_address.rsplit(".", 1)[0] + ".90"
    targets = {"meridian-dns": [(f"{shop.dns_address}:9053", {"node": "ns1"})],
               "meridian-edge": [(f"{shop.edge_address(region)}:9080", {"node": region, "region": region}) for region in REGIONS]}
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), address, targets)
    yield running
    running.process.terminate()
    running.process.wait(20)


def use(shop):
    for _ in range(5):
        shop.query("www.shop.example")
    for region in REGIONS:
        for path in ("/", "/api/items", "/cached/page", "/files/page.html", "/copied/page"):
            meridian.http_get(shop.edge_address(region), 8080, path, {"Host": "www.shop.example", "Accept-Encoding": "gzip"})


def test_metrics_are_named_by_convention(shop):
    for who in ("dns", *REGIONS):
        judged = subprocess.run(["promtool", "check", "metrics"], input=shop.admin(who, "/metrics")[1], capture_output=True, text=True)
        assert (judged.returncode, judged.stdout + judged.stderr) == (0, ""), who


def test_rules_are_good_and_alerts_ring_when_they_should(tmp_path):
    for path in (*FILES.glob("*.yml"), pathlib.Path(__file__).with_name("alerts_test.yml")):
        shutil.copy(path, tmp_path)
    hosts.call("promtool", "check", "rules", tmp_path / "meridian-rules.yml", tmp_path / "meridian-alerts.yml")
    hosts.call("promtool", "test", "rules", tmp_path / "alerts_test.yml")


def test_every_metric_that_is_asked_for_exists(shop):
    """Those that come only with a feature that the shop does not use are named here."""
    rare = {"meridian_edge_discovery_failing", "meridian_dns_override", "meridian_dns_certificate_not_after_seconds"}
    shown = "".join(shop.admin(who, "/metrics")[1] for who in ("dns", *REGIONS))
    asked = "".join((FILES / name).read_text() for name in ("meridian-rules.yml", "meridian-alerts.yml", "meridian-dashboard.json"))
    names = {name for name in re.findall(r"(?<![:\w])meridian_(?:dns|edge)_\w+", asked)}
    assert len(names) > 40
    assert [name for name in sorted(names - rare) if not re.search(rf"^{name}[{{ ]", shown, re.MULTILINE)] == []


def test_the_targets_are_scraped_and_the_rules_evaluate(shop, prometheus):
    meridian.wait_until(lambda: len(prometheus.ask("up == 1")) == 4, "all targets are scraped")
    use(shop)
    for rule in [rule for group in yaml.safe_load((FILES / "meridian-rules.yml").read_text())["groups"] for rule in group["rules"]]:
        meridian.wait_until(lambda: use(shop) or prometheus.ask(rule["record"]), rule["record"])
    told = [rule for group in prometheus.page("/api/v1/rules")["groups"] for rule in group["rules"]]
    written = [rule for name in ("meridian-rules.yml", "meridian-alerts.yml") for group in yaml.safe_load((FILES / name).read_text())["groups"] for rule in group["rules"]]
    assert len(told) == len(written) > 30 and [rule["name"] for rule in told if rule["health"] != "ok"] == []
    assert [alert["labels"]["alertname"] for alert in prometheus.page("/api/v1/alerts")["alerts"] if alert["state"] == "firing"] == []


def test_every_panel_shows_something(shop, prometheus):
    board = json.loads((FILES / "meridian-dashboard.json").read_text())
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len(panels) > 25 and len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in panels:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "30s").replace("$region", ".*")
            meridian.wait_until(lambda: use(shop) or prometheus.ask(expression), f"{panel['title']}: {expression}", timeout=60)
