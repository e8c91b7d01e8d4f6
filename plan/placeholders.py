"""What the cloud would answer, in words: so that the text that follows from an answer can be shown.

Addresses are from the ranges for documentation (RFC 5737). A placeholder for something secret stands in single
angle quotation marks.
"""

from __future__ import annotations

import ipaddress
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from settings import droplets

_ESCAPED = re.compile(r"%E2%80%B9(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9._~+-])*?%E2%80%BA")

Computed = dict[str, Any]
Maker = Callable[[str, int, Mapping[str, Any]], Computed]


OPEN, CLOSE = "\u2039", "\u203a"


def mark(text: str) -> str:
    """`text` as a placeholder."""
    return f"{OPEN}{text}{CLOSE}"


def of_secret(name: str) -> str:
    """The placeholder of a stack's secret."""
    return mark(name)


def readable(text: str) -> str:
    """`text` with placeholders as they were before somebody escaped them for a URL."""
    return _ESCAPED.sub(lambda found: unquote(found[0]), text)


def number(name: str) -> str:
    """A number that looks like a cloud's id and is always the same for a name."""
    return str(100_000_000 + zlib.crc32(name.encode()) % 900_000_000)


def _droplet(name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    return {
        "ipv4Address": f"192.0.2.{10 + index % 200}",
        "ipv4AddressPrivate": private_address(droplets.NETWORK, index),
        "ipv6Address": f"2001:db8::{10 + index:x}",
        "dropletUrn": f"do:droplet:{number(name)}",
        "status": "active",
    }


def private_address(network: str, index: int) -> str:
    """The address in a network of the `index`-th that gets one."""
    inside = ipaddress.ip_network(network, strict=False)
    return str(inside[(10 + index % 200) % inside.num_addresses])


def _reserved_ip(name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    address = f"198.51.100.{10 + index % 200}"
    return {"ipAddress": address, "reservedIpUrn": f"do:reservedip:{address}"}


def _load_balancer(name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    return {
        "ip": f"198.51.100.{110 + index % 100}",
        "loadBalancerUrn": f"do:loadbalancer:{number(name)}",
        "status": "active",
    }


def _bucket(name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    bucket, region = inputs.get("name", name), inputs.get("region", "nyc3")
    endpoint = f"{region}.digitaloceanspaces.com"
    return {"bucketUrn": f"do:space:{bucket}", "bucketDomainName": f"{bucket}.{endpoint}", "endpoint": endpoint}


def _database(name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    host = f"{inputs.get('name', name)}.db.example.net"
    return {
        "host": host,
        "privateHost": f"private-{host}",
        "port": 25060,
        "user": "doadmin",
        "password": mark(f"password of {name}"),
        "database": "defaultdb",
        "uri": mark(f"URL of {name}"),
        "privateUri": mark(f"private URL of {name}"),
        "clusterUrn": f"do:dbaas:{number(name)}",
    }


def _private_key(name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    public = f"ssh-ed25519 {mark(f'public key of {name}')}"
    private = {
        key: mark(f"private key of {name}") for key in ("privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8")
    }
    return {
        **private,
        "publicKeyOpenssh": public,
        "publicKeyPem": public,
        "publicKeyFingerprintSha256": f"SHA256:{number(name)}",
    }


def _password(name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    return {"result": mark(f"generated {name}"), "bcryptHash": mark(f"hash of {name}")}


def _command(name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    says = f"ssh-ed25519 {mark(f'host key of {name}')}" if name.endswith("-bootstrap") else mark(f"output of {name}")
    return {"stdout": says, "stderr": ""}


MAKERS: dict[str, Maker] = {
    "digitalocean:index/droplet:Droplet": _droplet,
    "digitalocean:index/reservedIp:ReservedIp": _reserved_ip,
    "digitalocean:index/loadBalancer:LoadBalancer": _load_balancer,
    "digitalocean:index/spacesBucket:SpacesBucket": _bucket,
    "digitalocean:index/databaseCluster:DatabaseCluster": _database,
    "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool": lambda name, _, __: {
        "privateHost": f"private-{name}.db.example.net",
        "port": 25061,
    },
    "digitalocean:index/databaseUser:DatabaseUser": lambda name, _, __: {
        "password": mark(f"password of {name}"),
        "role": "normal",
    },
    "digitalocean:index/spacesKey:SpacesKey": lambda name, _, __: {
        "accessKey": mark(f"access key of {name}"),
        "secretKey": mark(f"secret key of {name}"),
    },
    "digitalocean:index/vpc:Vpc": lambda name, _, __: {"vpcUrn": f"do:vpc:{number(name)}", "default": False},
    "digitalocean:index/domain:Domain": lambda name, _, inputs: {
        "domainUrn": f"do:domain:{inputs.get('name', name)}",
        "ttl": 1800,
    },
    "digitalocean:index/volume:Volume": lambda name, _, __: {"volumeUrn": f"do:volume:{number(name)}"},
    "digitalocean:index/nfs:Nfs": lambda name, _, __: {"host": "10.100.0.9", "mountPath": f"/{number(name)}/{name}"},
    "digitalocean:index/sshKey:SshKey": lambda name, _, __: {"fingerprint": mark(f"fingerprint of {name}")},
    "digitalocean:index/dnsRecord:DnsRecord": lambda _, __, inputs: {
        "fqdn": f"{inputs.get('name')}.{inputs.get('domain')}"
    },
    "digitalocean:index/app:App": lambda name, _, __: {
        "liveUrl": f"https://{name}.ondigitalocean.app",
        "defaultIngress": f"https://{name}.ondigitalocean.app",
        "appUrn": f"do:app:{number(name)}",
    },
    "random:index/randomPassword:RandomPassword": _password,
    "random:index/randomString:RandomString": _password,
    "tls:index/privateKey:PrivateKey": _private_key,
    "command:remote:Command": _command,
    "command:local:Command": _command,
}
"""What a type computes beside its inputs. One that is not here computes nothing: what follows from it is not known."""

_NUMBERED = {
    "digitalocean:index/droplet:Droplet",
    "digitalocean:index/sshKey:SshKey",
    "digitalocean:index/dnsRecord:DnsRecord",
}


def identity(kind: str, name: str) -> str:
    """The placeholder of a resource's id; a number where the cloud's are."""
    return number(name) if kind in _NUMBERED else mark(f"id of {name}")


def computed(kind: str, name: str, index: int, inputs: Mapping[str, Any]) -> Computed:
    """The outputs of the `index`-th resource of its kind."""
    maker = MAKERS.get(kind)
    return maker(name, index, inputs) if maker else {}


INVOKES: dict[str, Mapping[str, Any]] = {
    "cloudflare:index/getIpRanges:getIpRanges": {
        "ipv4Cidrs": ["192.0.2.0/24"],
        "ipv6Cidrs": ["2001:db8::/32"],
        "etag": "",
        "jdcloudCidrs": [],
    },
}
"""What a look-up answers. One that is not here answers nothing, and the plan says so."""
