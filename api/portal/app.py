"""The portal as an app of its own beneath the API: its errors are pages, its routes are for browsers."""

from fastapi import FastAPI

from api.portal import (
    account,
    acts,
    apps,
    articles,
    channel,
    charges,
    elsewhere,
    insights,
    notification_setup,
    notifications,
    ops,
    order,
    order_live,
    orders,
    own_account,
    people,
    sample_message,
    sign_in,
    unexpected,
    uninstalling,
)
from api.portal.pages import Static
from api.portal.trouble import add_error_pages

__all__ = ["ROUTERS", "create_portal"]

# An order's number may hold anything: what follows it in an address is looked for before the number alone.
ROUTERS = (
    sign_in.router,
    elsewhere.router,
    account.router,
    people.router,
    own_account.router,
    apps.router,
    uninstalling.router,
    channel.router,
    notifications.router,
    notification_setup.router,
    sample_message.router,
    unexpected.router,
    articles.router,
    charges.router,
    insights.router,
    *ops.ROUTERS,
    orders.router,
    acts.router,
    order_live.router,
    order.router,
)
"""Every page of ours."""


def create_portal() -> FastAPI:
    """Return the portal; what it works with is put into its state by the app above."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_error_pages(app)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", Static())
    return app
