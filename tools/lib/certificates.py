"""Certificates for tests and the demo, made by the openssl command: an authority of its own, and what it signs.

    authority = Authority(folder)
    site = authority.issue("www.shop.example", "*.shop.example")
    site.certificate, site.key          # paths, PEM; `curl --cacert authority.ca`

As a program it makes ca.pem, site.pem and site.key for the names, unless they are there and good for another week:

    python3 tools/lib/certificates.py build/shop www.shop.example '*.shop.example' shop.example
"""
import dataclasses
import http.client
import pathlib
import ssl
import subprocess
import sys


@dataclasses.dataclass(frozen=True)
class Certified:
    certificate: pathlib.Path
    key: pathlib.Path

    def listed(self, **more):
        """As an entry of `certificates:`."""
        return {"certificate": str(self.certificate), "key": str(self.key), **more}


class Authority:
    def __init__(self, folder, name="Meridian test authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        self.count = 0
        self._request(self.ca, self.key, f"/CN={name}", 3650)

    def issue(self, *names, subject=None, days=90, file=None, rsa=False):
        """For a server with these names; without names, for a client with this subject (`/O=shop/CN=alice`)."""
        self.count += 1
        file = file or f"{self.count:02}-{(names[0] if names else 'client').replace('*', 'any')}"
        certified = Certified(self.folder / f"{file}.pem", self.folder / f"{file}.key")
        more = ["-CA", self.ca, "-CAkey", self.key, "-addext", "basicConstraints=critical,CA:false"]
        more += ["-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)] if names else ["-addext", "extendedKeyUsage=clientAuth"]
        self._request(certified.certificate, certified.key, subject or f"/CN={names[0]}", days, more, rsa)
        return certified

    def issue_expired(self, name):
        """For a server with this name, and over since 2020."""
        self.count += 1
        certified = Certified(self.folder / f"{self.count:02}-expired.pem", self.folder / f"{self.count:02}-expired.key")
        settings = self.folder / "expired.conf"
        (self.folder / "index.txt").write_text("")
        settings.write_text(f"""[ca]
default_ca = own
[own]
database = {self.folder}/index.txt
new_certs_dir = {self.folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = server
[any]
commonName = supplied
[server]
basicConstraints = critical,CA:false
subjectAltName = DNS:{name}
""")
        request = self.folder / "expired.csr"
        for command in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
                         certified.key, "-out", request],
                        ["ca", "-batch", "-notext", "-config", settings, "-cert", self.ca, "-keyfile", self.key, "-in", request,
                         "-out", certified.certificate, "-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]):
            subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True, timeout=60)
        certified.key.chmod(0o600)
        return certified

    @staticmethod
    def _request(certificate, key, subject, days, more=(), rsa=False):
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command = ["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-sha256", "-days", str(days), "-subj", subject, "-keyout", key,
                   "-out", certificate, *more]
        subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=60)
        key.chmod(0o600)


def site(folder, *names):
    """The authority's certificate and that of a site which it has signed, in a folder; made if need be."""
    folder = pathlib.Path(folder)
    ca, made = folder / "ca.pem", Certified(folder / "site.pem", folder / "site.key")
    week = str(7 * 24 * 3600)
    if not made.key.exists() or subprocess.run(["openssl", "x509", "-checkend", week, "-noout", "-in", made.certificate], capture_output=True,
                                               timeout=60, check=False).returncode:
        Authority(folder).issue(*names, file="site")
    return ca, made


class HttpsConnection(http.client.HTTPConnection):
    """To an address that no resolver told of, under the name that its certificate has."""

    def __init__(self, address, port, name, context, **more):
        super().__init__(address, port, **more)
        self.name, self.context = name, context

    def connect(self):
        super().connect()
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.name)


def trusting(ca):
    """A context for HttpsConnection."""
    return ssl.create_default_context(cafile=ca)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    site(*sys.argv[1:])
