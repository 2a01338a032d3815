"""Backends by name: resolved off the path, and a name that does not resolve never stops a start."""
import meridian

FIRST_PORT = 15600  # plus the number of the test's loopback network


def test_a_named_backend_serves_and_an_unknown_name_starts_down(tmp_path):
    def edit(text):
        slot = text.split("address: \"127.")[1].split(".")[0]
        return meridian.patient(text).replace(f"127.{slot}.3.41:9000", f"localhost:{FIRST_PORT + int(slot)}").replace(f"127.{slot}.3.42:9000", "no-such-host.invalid:9000")
    with meridian.Shop(tmp_path, edit=edit) as shop:
        shop.start_backends()
        backend = meridian.Process([meridian.binaries() / "meridian-test-backend", f"127.0.0.1:{FIRST_PORT + shop.lease.number}=by-name,search,eu"], tmp_path / "named.log")
        try:
            shop.start_edge("eu")
            meridian.wait_until(lambda: b"by-name" in shop.edge_get("eu", "/search/")[2], "the named backend answers")
            assert all(b"by-name" in shop.edge_get("eu", "/search/")[2] for _ in range(10))
        finally:
            backend.kill()
