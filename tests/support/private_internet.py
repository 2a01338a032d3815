"""A small internet of meridian-dns servers in a network namespace, for tools that insist on port 53 and a root.

    unshare --net --mount --map-root-user python3 private_internet.py FOLDER COMMAND...

brings up the addresses below, starts a root, a parent zone on two servers and a zone on two nodes of its own, all of them
meridian-dns, runs COMMAND (with FOLDER/hints as root hints) and ends with its status. Addresses are of no special-purpose
network, since the tools complain of those; the root has the address that dnsviz tries the network with. Nothing leaves the
namespace.
"""
import ipaddress
import pathlib
import subprocess
import sys

from meridian import Process, binaries, wait_until

DNSVIZ_HINTS = pathlib.Path("/usr/share/dnsviz/hints/named.root")  # dnsviz takes no others
ROOT, PARENT, NODES = ("198.41.0.4", "2001:503:ba3e::2:30"), (("11.0.1.53", "2600:101::53"), ("12.0.1.53", "2601:101::53")), \
    (("11.0.2.53", "2600:102::53"), ("12.0.2.53", "2601:102::53"))
EDGES = {"us": ("11.0.3.80", "2600:103::80"), "eu": ("12.0.3.80", "2601:103::80")}
WILDCARDS = {"parent2": ["0.0.0.0:5300", "[::]:5300"]}
SERVER = """
service: {name}
state_directory: {folder}/{name}
regions: {regions}
health: {{edge: {{kind: tcp, port: 80, interval: 1h, timeout: 1s}}, start_wait: 0ms}}
admin: {{dns: ["unix:{folder}/{name}/admin"]}}
dns:
  listen: {listen}
  workers: 1
  zones: {zones}
"""
STEERED = """
  policies:
    closest:
      - subnets: {"11.0.0.0/8": [us], "12.0.0.0/8": [eu]}
      - failover: [us, eu]
  names:
    shop.example: {policy: closest, ttl: {min: 60s, max: 300s}}
    www.shop.example: {policy: closest, ttl: {min: 60s, max: 300s}}
    "*.tenants.shop.example": {policy: closest, ttl: {min: 60s, max: 300s}, answers: 1}
"""


def reverse(address):
    return ipaddress.ip_address(address).reverse_pointer + "."


def hosts(name, addresses):
    return "".join(f"{name} {'AAAA' if ':' in a else 'A'} {a}\n" for a in addresses)


def zone_files():
    soa = "$TTL 1d\n@ SOA {} 2026112201 14400 3600 1209600 3600\n"
    pointers = [("a.root-servers.net.", ROOT), *((f"ns{i}.nic.example.", a) for i, a in enumerate(PARENT, 1)),
                *((f"ns{i}.shop.example.", a) for i, a in enumerate(NODES, 1)), *(("www.shop.example.", a) for a in EDGES.values())]
    glue = "".join(hosts(f"ns{i}.nic.example.", a) for i, a in enumerate(PARENT, 1))
    inside = "".join(hosts(f"ns{i}.shop.example.", a) for i, a in enumerate(NODES, 1))
    root = (soa.format("a.root-servers.net. hostmaster.nic.example.") + "@ NS a.root-servers.net.\n" + hosts("a.root-servers.net.", ROOT)
            + "example. NS ns1.nic.example.\nexample. NS ns2.nic.example.\n" + glue
            + "".join(f"{reverse(address)} PTR {name}\n" for name, addresses in pointers for address in addresses))
    parent = (soa.format("ns1.nic.example. hostmaster.nic.example.") + "@ NS ns1.nic\n@ NS ns2.nic\n" + glue
              + "shop NS ns1.shop\nshop NS ns2.shop\n" + inside + "nic MX 0 ns1.nic\n")
    shop = (soa.format("ns1 hostmaster") + "@ NS ns1\n@ NS ns2\n" + inside + '@ MX 10 mail\n@ TXT "v=spf1 mx -all"\n@ HTTPS 1 . alpn=h2\n'
            + hosts("mail", NODES[0]) + "www TXT steered\nshop CNAME www\n*.customers A 12.0.3.81\nprinter.rack.floor A 12.0.3.82\n"
            + "old DNAME customers\nlarge TXT " + " ".join(['"' + "x" * 250 + '"'] * 8) + "\n"
            + "padded TXT " + " ".join(['"' + "x" * 230 + '"'] * 5) + "\n")
    return {".": root, "example": parent, "shop.example": shop}


def bring_up_addresses():
    commands = ["link set lo up"]
    for addresses in (ROOT, *PARENT, *NODES, *EDGES.values()):
        commands += [f"addr add {a}/{64 if ':' in a else 24} dev lo" + (" nodad" if ":" in a else "") for a in addresses]
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


def start(folder, name, addresses, zone):
    """One server. Its edges are up by word of mouth: nothing is probed but at the start."""
    files = {".": "root", "example": "example", "shop.example": "shop"}
    places = [f"[{a}]:53" if ":" in a else f"{a}:53" for a in addresses] + WILDCARDS.get(name, [])
    listen = "[" + ", ".join(f'"{place}"' for place in places) + "]"
    regions = "{" + ", ".join(f'{n}: {{edges: ["{a}", "{b}"]}}' for n, (a, b) in EDGES.items()) + "}"
    (folder / name).mkdir()
    config = SERVER.format(name=name, folder=folder, regions=regions, listen=listen, zones=f'{{"{zone}": "{files[zone]}.zone"}}')
    (folder / f"{name}.yaml").write_text(config + (STEERED if zone == "shop.example" else ""))
    process = Process([binaries() / "meridian-dns", "--config", folder / f"{name}.yaml"], folder / f"{name}.log")
    asking = ["dig", f"@{addresses[0]}", "+time=1", "+tries=1", "+short", zone, "SOA"]
    wait_until(lambda: not process.running() or subprocess.run(asking, capture_output=True).stdout, f"{name} answers")
    assert process.running(), process.text()
    return process


def main(folder, command):
    folder = pathlib.Path(folder)
    bring_up_addresses()
    for zone, text in zone_files().items():
        (folder / f"{ {'.': 'root', 'example': 'example'}.get(zone, 'shop') }.zone").write_text(text)
    (folder / "hints").write_text(". 518400 IN NS a.root-servers.net.\n" + "".join(
        f"a.root-servers.net. 518400 IN {'AAAA' if ':' in a else 'A'} {a}\n" for a in ROOT))
    if DNSVIZ_HINTS.exists():
        subprocess.run(["mount", "--bind", folder / "hints", DNSVIZ_HINTS], check=True)
    running = [start(folder, "root", ROOT, ".")]
    try:
        running += [start(folder, f"parent{i}", a, "example") for i, a in enumerate(PARENT, 1)]
        running += [start(folder, f"node{i}", a, "shop.example") for i, a in enumerate(NODES, 1)]
        return subprocess.run(command).returncode
    finally:
        for process in running:
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
