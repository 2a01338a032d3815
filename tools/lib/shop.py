"""Who serves in the example shop, zones/shop.yaml: its regions, and the servers of its pools."""
import dataclasses

REGIONS = ("us-east", "us-west", "eu")
POOLS = (("web", 11, 3), ("api", 21, 5), ("checkout", 31, 2), ("search", 41, 2), ("admin", 51, 1), ("enterprise", 61, 1),
         ("trading", 71, 3))  # first, count
NAME = "www.shop.example"
CERTIFIED = (NAME, "*.shop.example", "shop.example")  # the names in its certificate
HTTPS = 8443


@dataclasses.dataclass(frozen=True)
class Backend:
    address: str
    name: str
    pool: str
    region: str
    port: int = 9000

    def __str__(self):
        """As meridian-test-backend takes it."""
        return f"{self.address}:{self.port}={self.name},{self.pool},{self.region}"


def backends_of(region, network="127.0"):
    number = REGIONS.index(region) + 1
    return [Backend(f"{network}.{number}.{first + n}", f"{region}-{pool}-{n + 1}", pool, region) for pool, first, count in POOLS for n in range(count)]
