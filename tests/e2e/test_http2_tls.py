"""HTTP/2 over TLS, agreed on by ALPN."""
import subprocess

import meridian
from certificates import Authority
from h2_client import H2
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address
import ssl


def test_alpn_chooses_and_both_say_the_same(tmp_path):
    authority = Authority(tmp_path)
    certificate = authority.issue("www.tls.example")
    listen = [{"address": "{edge}:8080"}, {"address": "{edge}:8443", "protocol": "https", "certificates": [{"certificate": str(certificate.certificate), "key": str(certificate.key)}]}]
    with meridian.Lease() as slot, Scripted(slot_address(slot, "1.11"), answering(lambda head: ok(head))) as server, \
            LoneEdge(tmp_path, slot, [server.name], edge={"listen": listen}) as edge:
        context = ssl.create_default_context(cafile=authority.ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with H2(edge.host, 8443, authority="www.tls.example", tls=context) as client:
            assert client.sock.selected_alpn_protocol() == "h2"
            streams = [client.get(f"/{n}") for n in range(100)]
            client.until_over(*streams)
            assert all(client.streams[stream].status == 200 for stream in streams)
            assert b"X-Forwarded-Proto: https\r\n" in client.streams[streams[0]].body
            client.sock.close()
        for option, version in (("--http2", "2"), ("--http1.1", "1.1")):
            got = subprocess.run(["curl", "-sS", option, "--cacert", str(authority.ca), "--resolve", f"www.tls.example:8443:{edge.host}", "-o", "/dev/null",
                                  "-w", "%{http_version} %{http_code}", "https://www.tls.example:8443/"], capture_output=True, text=True, timeout=60, check=True)
            assert got.stdout == f"{version} 200"
