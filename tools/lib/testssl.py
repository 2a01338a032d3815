"""Starts an edge with a certificate of a test's authority, lets testssl.sh ask it everything, and tells what it found.

Usage: tools/testssl [--keep FOLDER]
Exit status 1 if it finds anything of severity LOW or more but for what a certificate of a test's authority brings with it.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import meridian  # noqa: E402
from certificates import Authority  # noqa: E402
from lone_edge import LoneEdge, Scripted, answering, slot_address  # noqa: E402

NAME = "www.tls.example"
BAD = {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
# Nobody revokes what a test's authority has signed, nobody logs it, and its names are in no DNS.
OF_THE_AUTHORITY = ("cert_revocation", "cert_caIssuers", "OCSP_stapling", "DNS_CAArecord", "certificate_transparency")
# What is the application's to say in HTTP, and said by the routes of who wants it (`security_headers`).
OF_THE_APPLICATION = ("HSTS", "security_headers", "banner_server", "HTTP_headerTime")


def found(folder, certified, authority, host):
    """What testssl.sh says of one edge: a list of its findings."""
    report = folder / f"{certified.certificate.stem}.json"
    subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "min", "--ip", host, "--add-ca", authority.ca, "--jsonfile", report,
                    f"{NAME}:8443"], stdout=(folder / f"{certified.certificate.stem}.txt").open("w"), stderr=subprocess.STDOUT, check=False)
    return json.loads(report.read_text())


def main(arguments):
    if "-h" in arguments or "--help" in arguments:
        print(__doc__)
        return 0
    folder = pathlib.Path(arguments[1]) if arguments[:1] == ["--keep"] else pathlib.Path(tempfile.mkdtemp(prefix="testssl-"))
    folder.mkdir(parents=True, exist_ok=True)
    authority, wrong = Authority(folder / "authority"), 0
    for kind, rsa in (("ecdsa", False), ("rsa", True)):
        certified = authority.issue(NAME, "*.tls.example", rsa=rsa, file=kind)
        (folder / kind).mkdir()
        with meridian.Lease() as slot, Scripted(slot_address(slot, "1.11"), answering()) as server:
            listen = [{"address": "{edge}:8443", "protocol": "https", "certificates": [certified.listed()]}]
            with LoneEdge(folder / kind, slot, [server.name], edge={"listen": [{"address": "{edge}:8080"}, *listen]}) as edge:
                findings = found(folder, certified, authority, edge.host)
        bad = [one for one in findings if one["severity"] in BAD and not one["id"].startswith(OF_THE_AUTHORITY + OF_THE_APPLICATION)]
        for one in bad:
            print(f"{kind}: {one['severity']} {one['id']}: {one['finding']}")
        good = sum(one["severity"] == "OK" for one in findings)
        print(f"{kind}: {len(findings)} findings, {good} good, {len(bad)} to mend")
        wrong += len(bad) + (good < 30)
    print(f"what it said is in {folder}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
