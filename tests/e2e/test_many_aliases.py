"""ALIAS in great number: what is learnt together is told together, and what did not change costs nothing."""
import json
import time

import dns.message
import dns.rcode

import meridian
from authority import Authority

NUMBER = 600
HEAD = """
service: aliases
state_directory: "{directory}/state"
regions: {us: {edges: ["{net}.61.1"]}}
health: {edge: {kind: tcp, port: 9, interval: 1h, timeout: 1s}, start_wait: 0ms}
admin: {dns: ["{address}:9053"]}
"""
SOA = "$TTL 60\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n"
TARGET = HEAD + 'dns: {listen: ["{address}:{port}"], workers: 1, zones: {target.example: target.example.zone}}\n'
ALIASES = HEAD + """
dns:
  listen: ["{address}:{port}"]
  workers: 1
  zones: {example.com: example.com.zone}
  resolvers: ["RESOLVER"]
  names:
""" + "".join(f"    n{n}.example.com: {{alias: t{n}.target.example, ttl: {{min: 10s, max: 60s}}}}\n" for n in range(NUMBER))


def states(server):
    return [alias["state"] for alias in json.loads(server.admin("/status")[1])["aliases"]]


def test_many_answers_are_published_and_written_together(tmp_path):
    with Authority(tmp_path / "target", TARGET, {"target.example": SOA + "* 1 A 192.0.2.77\n"}) as target:
        target.start()
        config = ALIASES.replace("RESOLVER", f"{target.address}:{target.port}")
        with Authority(tmp_path / "aliases", config, {"example.com": SOA}) as server:
            began = time.monotonic()
            server.start()
            meridian.wait_until(lambda: set(states(server)) == {"fresh"}, "every target is known")
            took = time.monotonic() - began
            # One publication in 50 ms at most, and far fewer than answers where the machine is quick.
            assert server.counted("meridian_dns_answer_set_builds_total") <= took / 0.05 + 2
            for n in (0, NUMBER - 1):
                question = dns.message.make_query(f"n{n}.example.com", "A")
                # What is known is published within 50 ms.
                meridian.wait_until(lambda: server.query(question).answer, "it is answered")
                response = server.query(question)
                assert [str(rr) for rr in response.answer[0]] == ["192.0.2.77"] and response.answer[0].ttl == 10

            # They are asked for again each second, and nothing that a client could see has changed: nothing is built.
            built = server.counted("meridian_dns_answer_set_builds_total")
            asked = server.counted("meridian_dns_alias_lookups_total")
            meridian.wait_until(lambda: server.counted("meridian_dns_alias_lookups_total") >= asked + NUMBER, "asked again")
            assert server.counted("meridian_dns_answer_set_builds_total") == built

            # A reload keeps all of them, and so does a restart without the resolver.
            assert server.admin("/reload", method="POST")[0] == 200
            assert set(states(server)) == {"fresh"}
            written = server.directory / "state/dns/aliases.json"
            meridian.wait_until(lambda: written.exists() and written.read_text().count("192.0.2.77") == NUMBER, "all is written down")
            target.stop()
            assert server.process.stop() == 0
            server.start()
            response = server.query(dns.message.make_query(f"n{NUMBER - 1}.example.com", "A"))
            assert response.rcode() == dns.rcode.NOERROR and [str(rr) for rr in response.answer[0]] == ["192.0.2.77"]
