"""Killed at any moment, a server is back at once, and what it had written is whole."""
import random
import threading
import time

import meridian
from meridian import wait_until

KILLS = 12


def state_file(shop, name):
    path = shop.directory / "state/dns" / name
    return path.read_text() if path.exists() else ""


def test_dns_killed_at_random_moments_while_it_writes_its_state(fragile_shop):
    shop = fragile_shop
    seed = random.randrange(1 << 32)
    draw = random.Random(seed)
    done = threading.Event()

    def change_overrides():  # so that a write of the state is always under way
        word = 0
        while not done.is_set():
            word += 1
            try:
                shop.admin("dns", f"/drain?target=us-west&reason=word-{word}", method="POST")
                shop.admin("dns", "/undrain?target=us-west", method="POST")
            except OSError:
                time.sleep(0.005)  # the server is being killed: that is the point
            except meridian.http.client.HTTPException:
                continue

    assert shop.admin("dns", "/drain?target=eu&reason=stays", method="POST")[0] == 200
    wait_until(lambda: "stays" in state_file(shop, "overrides.json"), "the word is on the disk")
    writer = threading.Thread(target=change_overrides)
    writer.start()
    try:
        for _ in range(KILLS):
            time.sleep(draw.uniform(0, 0.4))  # the moment of the kill: anything between start and steady state
            shop.dns.kill()
            for name in ("health", "overrides.json"):
                text = state_file(shop, name)
                assert text.endswith("\n") or not text, (seed, name, text)
            shop.start_dns()
            assert shop.addresses("ns1.shop.example"), seed
            assert "event=state_unreadable" not in shop.dns.text(), (seed, shop.dns.text())
            eu = next(r for r in shop.status()["regions"] if r["name"] == "eu")
            assert eu["override"] and eu["override"]["reason"] == "stays", (seed, eu)
    finally:
        done.set()
        writer.join()
    drafts = [p.name for p in (shop.directory / "state/dns").iterdir() if ".new." in p.name]
    assert len(drafts) <= 1, drafts


def test_killed_while_it_starts(idle_shop):
    shop = idle_shop
    draw = random.Random(random.randrange(1 << 32))
    for _ in range(8):
        process = shop.start_dns(wait=False)
        time.sleep(draw.uniform(0, 0.5))  # the moment of the kill
        process.kill()
    shop.start_dns()
    assert shop.addresses("ns1.shop.example")


def test_edge_killed_under_requests_is_back_at_once(fragile_shop):
    shop = fragile_shop
    for _ in range(4):
        for _ in range(5):
            assert shop.edge_get("eu", "/api/items")[0] == 200
        shop.edge("eu").kill()
        shop.start_edge("eu")
    assert shop.edge_get("eu", "/api/items")[0] == 200
