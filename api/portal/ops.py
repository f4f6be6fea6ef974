"""The pages of Eshopbox's own people, put together: for anybody else they do not exist."""

from api.portal import (
    ops_account,
    ops_attention,
    ops_audit,
    ops_callbacks,
    ops_charges,
    ops_rates,
    ops_samples,
    ops_templates,
    ops_texts,
    ops_workspaces,
)

__all__ = ["ROUTERS"]

ROUTERS = (
    ops_attention.router,
    ops_workspaces.router,
    ops_account.router,
    ops_templates.router,
    ops_rates.router,
    ops_charges.router,
    ops_texts.router,
    ops_samples.router,
    ops_callbacks.router,
    ops_audit.router,
)
