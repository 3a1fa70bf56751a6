"""Own which addresses belong to the public internet, as opposed to this machine, its networks and its cloud.

Why our own table: what `ipaddress` calls global has changed with its versions, and it takes some doors into IPv4 for
addresses like any other. Of IPv6 only what is in global unicast is public; an address that holds one of IPv4 is what it
holds.
Sources: IANA's IPv4 and IPv6 Special-Purpose Address Registries; RFC 6052 section 3.1 (NAT64); Microsoft, "What is IP
address 168.63.129.16?" (all 2026-11).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_CLOSED: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by carriers; Alibaba's metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's host, from within a virtual machine
            "169.254.0.0/16",  # link-local; the metadata of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments; Oracle's metadata
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_UNICAST: Final = IPv6Network("2000::/3")
_CLOSED_6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which holds an address of IPv4
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOW: Final = 0xFFFFFFFF


def is_public(address: str) -> bool:
    """Say whether a numeric address is one of the public internet; what is no address is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or (IPv4Address(int(found) & _LOW) if found in _NAT64 else None)
        if inner is None:
            return found.scope_id is None and found in _UNICAST and not any(found in each for each in _CLOSED_6)
        found = inner
    return not any(found in each for each in _CLOSED)
