"""Say from which address a request came, whatever it says about itself."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def is_trusted(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in settings.HEADEND_TRUSTED_PROXIES)


def client_address(request: HttpRequest) -> str | None:
    """Return the address a request came from: the last one in X-Forwarded-For that is not a proxy of ours.

    What stands further left was written by the client and may be anything.
    """
    address = request.META.get("REMOTE_ADDR") or None
    if address is None or not is_trusted(address):
        return address
    for part in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        candidate = part.strip()
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            break
        address = candidate
        if not is_trusted(candidate):
            break
    return address
