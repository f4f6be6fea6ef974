"""Where callbacks may come from (S2): a list of networks, and the one header in which our proxy names the caller."""

import ipaddress
from http import HTTPStatus

from starlette.requests import Request

from api.errors import Problem
from bootstrap.settings import Settings, networks

__all__ = ["Origins"]


class Origins:
    """The addresses that may post callbacks.

    Args:
        settings: The list, and the header; without a list everybody may.
    """

    def __init__(self, settings: Settings) -> None:
        self._networks = networks(settings.allowed_callback_addresses)
        self._header = settings.forwarded_header

    def check(self, request: Request) -> None:
        """Check where a request comes from, before its secret is looked at.

        Raises:
            Problem: 403, also where the address cannot be told.
        """
        if self._networks and not self._is_allowed(self.address(request)):
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", HTTPStatus.FORBIDDEN.phrase)

    def address(self, request: Request) -> str:
        """Return the address a request comes from, as our proxy names it; empty where nobody can tell."""
        if not self._header:
            return request.client.host if request.client else ""
        # Of a chain only the last entry is our proxy's; whatever stands before it, the caller may have written.
        said = ",".join(request.headers.getlist(self._header))
        return said.rpartition(",")[2].strip()

    def _is_allowed(self, written: str) -> bool:
        try:
            address = ipaddress.ip_address(written)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)  # how a socket for both families shows IPv4
        return any((mapped or address) in network for network in self._networks)
