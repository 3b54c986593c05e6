"""What an API key looks like, and the networks that it may be used from (RFC 4632, RFC 4291 §2.3)."""

import ipaddress
import re
import secrets
import string
from collections.abc import Iterable

from oidc_server.core import crypto

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Scanners find keys that leaked by this pattern, so it stays as it is; docs/api-keys.md tells it.
PREFIX = re.compile(r"oidc_[0-9A-Za-z]{8}")
KEY = re.compile(rf"(?P<prefix>{PREFIX.pattern})_[0-9A-Za-z_-]{{43}}")
_PREFIX_LETTERS = string.ascii_letters + string.digits
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # RFC 4291 §2.5.5.2


def new_prefix() -> str:
    """The beginning of a new key, by which people tell keys apart: it is no secret."""
    return "oidc_" + "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(8))


def new_key(prefix: str) -> str:
    """A fresh key with this beginning and 256 random bits."""
    return f"{prefix}_{crypto.new_secret()}"


def parse_network(text: str) -> Network:
    """The network or single address of a text; IPv4 in the guise of IPv6 becomes IPv4.

    Raises ``ValueError`` for anything else, also for a network with bits behind its length: which one was meant?"""
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        packed = network.network_address.packed[-4:]
        return ipaddress.IPv4Network((packed, network.prefixlen - 96))
    return network


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks; what is no address is in none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return any((mapped or parsed) in network for network in networks)
