"""The hourly check of every template in use: what Gupshup says of it now, against what it was set up with (R4.8)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

import structlog
from temporalio import activity

from activities.heartbeat import alive
from activities.keys import KEY_TROUBLES, PROBED_EVERY
from activities.values import HeldNotification, TemplateCheck, TemplatesChecked
from clients.gupshup import Credentials, Gupshup, GupshupRefused, GupshupUnavailable, Template
from db import accounts, held_templates
from db.encryption import Cipher
from db.held_templates import Settled, Standing, saved_of
from db.notifications import Notification
from db.session import Database, DatabaseUnavailable, NotFound, Session
from domain.connecting import KEY_LOST
from domain.template_checks import Listed, after_check, hold_reason

_log = structlog.get_logger(__name__)

_AT_ONCE: Final = 4  # accounts
_MOST_ASKED_ALONE: Final = 20  # templates of one account that its list does not show


class Templates:
    """Activities about templates in use, for all workspaces."""

    def __init__(
        self, *, database: Database, cipher: Cipher, gupshup: Gupshup, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._gupshup = gupshup
        self._clock = clock

    @activity.defn(name="templates.check")
    async def check(self, task: TemplateCheck) -> TemplatesChecked:
        """Ask Gupshup once for each account; hold what may not be sent, let go what may again.

        One whose key was refused just now is left out.
        """
        async with self._database.transaction() as session:
            known = await held_templates.list_accounts(session)
        free = asyncio.Semaphore(_AT_ONCE)

        async def one(account_id: str) -> TemplatesChecked:
            async with free:
                try:
                    return await self._account(account_id)
                except (GupshupUnavailable, NotFound) as error:
                    _log.warning("templates.not_asked", account_id=account_id, error=type(error).__name__)
                except DatabaseUnavailable:
                    raise
                except Exception:  # noqa: BLE001 - one account's trouble leaves the others as they are (I18)
                    _log.exception("templates.not_asked", account_id=account_id)
                return TemplatesChecked(away=(account_id,))

        wanted = [account_id for account_id in known if task.account_id in ("", account_id)]
        async with alive():
            found = await asyncio.gather(*(one(account_id) for account_id in wanted))
        result = TemplatesChecked()
        for each in found:
            result = result.and_also(each)
        _log.info(
            "templates.checked",
            accounts=result.asked,
            held=len(result.held),
            released=len(result.released),
            refused=len(result.refused),
            away=len(result.away),
        )
        return result

    async def _account(self, account_id: str) -> TemplatesChecked:
        asked_at = self._clock()
        async with self._database.transaction() as session:
            account = await accounts.get_account(session, account_id)
            every = PROBED_EVERY if account.attention in KEY_TROUBLES else timedelta()
            if not await accounts.claim_asking(session, account_id, asked_at, every=every):
                return TemplatesChecked(just_asked=(account_id,))
            stored = await accounts.get_credentials(session, self._cipher, account_id)
            rows = await held_templates.list_in_use(session, account_id)
        credentials = Credentials(
            api_key=stored.api_key, app_id=stored.app_id, app_name=stored.app_name, source=stored.phone
        )
        try:
            templates = await self._gupshup.list_templates(credentials)
        except GupshupRefused as error:
            if not error.is_about_key:
                return TemplatesChecked(away=(account_id,))
            async with self._database.transaction() as session:
                await accounts.set_attention(session, account_id, KEY_LOST)
            return TemplatesChecked(refused=(account_id,))
        listed = await self._listed(credentials, templates, rows)

        async def work(session: Session) -> Settled:
            return await self._settle(session, account_id, templates, listed, asked_at)

        settled = await self._database.in_transaction(work)
        for standing in settled.changed:
            row = standing.notification
            _log.warning(
                "template.held" if standing.attention else "template.released",
                workspace_id=row.workspace_id,
                account_id=account_id,
                journey_event=row.event,
                template_id=row.template_id,
                reason=standing.attention or row.attention,
            )
        return TemplatesChecked(
            asked=1,
            held=tuple(_shown(one) for one in settled.changed if one.attention),
            released=tuple(_shown(one) for one in settled.changed if not one.attention),
        )

    async def _listed(
        self, credentials: Credentials, templates: Sequence[Template], rows: Sequence[Notification]
    ) -> Mapping[str, Listed | None]:
        """Return what is known of each template in use; of one that nobody can tell of, nothing.

        One that the list does not show is asked for alone: only a plain answer says that it is gone.
        """
        listed: dict[str, Listed | None] = {each.id: each.listed for each in templates}
        missing = sorted({row.template_id for row in rows} - listed.keys())
        for template_id in missing[:_MOST_ASKED_ALONE]:
            try:
                template = await self._gupshup.get_template(credentials, template_id)
            except GupshupUnavailable:
                continue
            except GupshupRefused as error:
                if error.is_about_key:
                    continue
                template = None  # it answers "not found" as a refusal
            listed[template_id] = template.listed if template is not None else None
        return listed

    async def _settle(
        self,
        session: Session,
        account_id: str,
        templates: Sequence[Template],
        listed: Mapping[str, Listed | None],
        asked_at: datetime,
    ) -> Settled:
        """Have each notification stand as its template does now."""
        await accounts.save_templates(session, account_id, [asdict(each) for each in templates], asked_at)
        account = await accounts.get_account(session, account_id)
        if account.attention in KEY_TROUBLES:
            await accounts.set_attention(session, account_id, None)
        standings = [
            Standing(
                row,
                after_check(
                    row.attention,
                    row.attention_at,
                    hold_reason(saved_of(row), listed[row.template_id]),
                    asked_at=asked_at,
                ),
            )
            for row in await held_templates.list_in_use(session, account_id)
            if row.template_id in listed
        ]
        return await held_templates.settle(session, self._cipher, standings, now=self._clock())


def _shown(standing: Standing) -> HeldNotification:
    row = standing.notification
    return HeldNotification(
        workspace_id=row.workspace_id,
        account_id=row.account_id,
        event=row.event,
        language=row.language,
        template=row.template_name or row.template_id,
        reason=standing.attention or row.attention,
    )
