"""Say which IP addresses are out on the public internet, by a table of our own.

The interpreter's `ipaddress.is_global` differs by its version, and knows no cloud. So the table stands here: the IANA
special-purpose registries for IPv4 and IPv6 (RFC 6890 and what was added since, up to 3fff::/20 of RFC 9637 and 5f00::/16
of RFC 9602), multicast and reserved space, and the addresses at which cloud platforms answer their machines. Some of the
registered blocks are "globally reachable" (AS112, AMT): no video lies there, so they are refused as well.
Of IPv6 only 2000::/3 is given out at all; whatever is outside is refused without being listed.

Registries: https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

SPECIAL = {
    ipaddress.ip_network(network): what
    for network, what in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private use",
        "100.64.0.0/10": "shared by a provider",
        "127.0.0.0/8": "loopback",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private use",
        "192.0.0.0/24": "protocol assignments",
        "192.0.2.0/24": "documentation",
        "192.31.196.0/24": "AS112",
        "192.52.193.0/24": "AMT",
        "192.88.99.0/24": "6to4 relays",
        "192.168.0.0/16": "private use",
        "192.175.48.0/24": "AS112",
        "198.18.0.0/15": "benchmarks",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
        "::/128": "unspecified",
        "::1/128": "loopback",
        "::/96": "IPv4-compatible",
        "64:ff9b:1::/48": "local translation",
        "100::/64": "discarded",
        "100:0:0:1::/64": "dummy prefix",
        "2001::/23": "protocol assignments",
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "2620:4f:8000::/48": "AS112",
        "3fff::/20": "documentation",
        "5f00::/16": "segment routing",
        "fc00::/7": "private use",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
    }.items()
}
PLATFORMS = {
    ipaddress.ip_address(address): what
    for address, what in {
        "168.63.129.16": "Azure's platform",
        "169.254.169.254": "a cloud's metadata",
        "169.254.169.253": "Amazon's resolver",
        "169.254.169.123": "Amazon's clock",
        "169.254.170.2": "Amazon's container credentials",
        "169.254.170.23": "Amazon's container credentials",
        "169.254.0.23": "Tencent's metadata",
        "169.254.42.42": "Scaleway's metadata",
        "192.0.0.192": "Oracle's metadata",
        "100.100.100.200": "Alibaba's metadata",
        "fd00:ec2::254": "Amazon's metadata",
        "fd00:ec2::253": "Amazon's resolver",
        "fd00:ec2::123": "Amazon's clock",
        "fd00:ec2::23": "Amazon's container credentials",
        "fd20:ce::254": "Google's metadata",
        "fd00:c1::a9fe:a9fe": "Oracle's metadata",
        "fd00:42::42": "Scaleway's metadata",
    }.items()
}
_GIVEN_OUT = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_MAPPED = ipaddress.ip_network("::ffff:0:0/96")


def why_refused(address: IPAddress, opened: Iterable[IPNetwork] = ()) -> str:
    """Return what an address is that Headend must not connect to; empty where it may.

    `opened` is what an operator opened on purpose. A platform's address is open only if it was named itself: whoever
    opens the network of a house does not mean the metadata in it.
    """
    reached = _reached(address)
    both = {address, reached}
    networks = [
        network for network in opened if any(one in network for one in both if one.version == network.version)
    ]
    if platform := PLATFORMS.get(reached) or PLATFORMS.get(address):
        return "" if any(network.num_addresses == 1 for network in networks) else platform
    return "" if networks else _what_is(reached)


def is_platform(address: IPAddress) -> bool:
    """Return whether a cloud platform answers its machines there."""
    return _reached(address) in PLATFORMS


def _what_is(address: IPAddress) -> str:
    for network, what in SPECIAL.items():
        if address.version == network.version and address in network:
            return what
    if address.version == 6 and address not in _GIVEN_OUT:
        return "not given out"
    return ""


def _reached(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv4-mapped or NAT64 address really reaches; else the address.

    NAT64 is judged by what is inside instead of being refused: on an IPv6-only network every IPv4 site in the world
    resolves to it.
    """
    if address.version == 6 and (address in _NAT64 or address in _MAPPED):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
