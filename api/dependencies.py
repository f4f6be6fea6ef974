"""What a route may ask for: the services of the app, and the workspace that authentication found."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from api.background import Background
from api.delays import Delays
from api.limits import Allowance, Rates, Together
from api.metrics import Metrics
from api.origins import Origins
from api.remembered import Remembered
from bootstrap.passwords import Passwords
from bootstrap.resources import Resources
from bootstrap.temporal import Codec
from db.accounts import AppAccount
from intake.inbox import Intake
from workflows.client import Workflows

__all__ = ["Services", "ServicesNow", "services"]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything routes work with; built once by `api.app`."""

    resources: Resources
    workflows: Workflows
    intake: Intake
    background: Background
    metrics: Metrics
    codec: Codec
    callback_accounts: Remembered[AppAccount]
    order_systems: Remembered[str]
    callback_origins: Origins
    callback_rates: Rates
    api_rates: Rates
    passwords: Passwords
    delays: Delays
    sign_ins: Allowance
    account_checks: Allowance
    exports: Allowance
    test_messages: Allowance
    followed_pages: Together
    clock: Callable[[], datetime]


async def services(request: Request) -> Services:
    """Return the app's services; a plain function would run in a thread of its own."""
    found = request.app.state.services
    if not isinstance(found, Services):  # the lifespan has not begun
        raise TypeError("the app is not running")
    return found


ServicesNow = Annotated[Services, Depends(services)]
