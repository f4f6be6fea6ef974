"""The portal: pages for sellers and for Eshopbox's own staff (R8.4).

A route reads `db`, builds one frozen context and renders it; a form ends in a redirect. Whatever touches a customer goes
through `workflows.client`.
"""

from api.portal.app import ROUTERS, create_portal
from api.portal.trouble import unexpected_page

__all__ = ["ROUTERS", "create_portal", "unexpected_page"]
