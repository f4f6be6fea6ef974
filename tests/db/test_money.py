"""Whatever is sent, reported, billed, priced and switched: the books add up, and a closed month never changes (R5.4, I7).

What each message should cost is reckoned here by rules of the test's own; only how far a message came is read from its
row.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db.billing import fix_price, set_price
from db.customers import note_inbound
from db.encryption import Cipher
from db.messages import add_message, restart_message
from db.reconciliation import BilledEvent, list_to_match, match_later, take_event
from db.session import Session
from db.statements import close, find_break, list_closed, list_due, reckon
from db.statuses import StatusReport, adopt_by_reference, apply_status, record_outcome
from db.workspaces import add_workspace
from domain.billing import Tier, Window
from domain.messages import MessageStatus as S
from tests.factories import NOW, new_message, workspace

W = "kapaskraft"
INDIA = ZoneInfo("Asia/Kolkata")
CATEGORIES = ("utility", "marketing")
ACCOUNTS = {"account-1": "eshopbox", "account-2": "client"}
NOT_ACCEPTED = {"queued", "sending", "unknown", "refused"}
NO_PLACE = {"refused", "failed"}

_number = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("send"), _number, st.sampled_from(CATEGORIES)),
    st.tuples(st.just("answer"), _number, st.sampled_from([S.SUBMITTED, S.SUBMITTED, S.REFUSED, S.UNKNOWN])),
    st.tuples(st.just("again"), _number),
    st.tuples(st.just("status"), st.integers(0, 1), st.sampled_from([S.SENT, S.FAILED, S.DELIVERED, S.READ])),
    st.tuples(st.just("bill"), _number, st.sampled_from([*CATEGORIES, "authentication"]), st.booleans()),
    st.tuples(st.just("match")),
    st.tuples(
        st.just("price"),
        st.sampled_from([*CATEGORIES, "authentication"]),
        st.sampled_from(list(Window)),
        st.integers(0, 99),
        st.integers(0, 2),
        st.lists(
            st.tuples(st.integers(1, 4), st.integers(0, 99)), max_size=2, unique_by=lambda tier: tier[0]
        ),
    ),
    st.tuples(st.just("switch")),
    st.tuples(st.just("write"), _number),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 12])),
    st.tuples(st.just("tap"), _number),
    st.tuples(st.just("close"), st.sampled_from([0, 0, 35])),
)
# What every sequence begins with: prices, and messages of which one is taken, one is not known and one not told of.
BEGINNING: tuple[tuple[Any, ...], ...] = (
    *(("price", category, Window.ANY, 50, 1, [(2, 40)]) for category in CATEGORIES),
    ("price", "authentication", Window.ANY, 20, 0, []),
    *(("send", number, "utility") for number in range(5)),
    ("answer", 1, S.SUBMITTED),
    ("answer", 1, S.SUBMITTED),
    ("answer", 1, S.UNKNOWN),
)


@dataclass
class Sent:
    """A message, and what it should cost by the test's own reckoning."""

    id: str
    account: str
    category: str
    phone: str
    at: datetime
    is_open: bool = False
    price: int = 0
    corrected: int | None = None
    is_free: bool = False
    status: str = "sending"

    @property
    def month(self) -> date:
        return self.at.astimezone(INDIA).date().replace(day=1)

    @property
    def cost(self) -> int:
        if self.account != "account-1" or self.status in NOT_ACCEPTED or self.status == "failed":
            return 0
        return self.price if self.corrected is None else self.corrected


@dataclass
class Books:
    """The database, and beside it the same money reckoned by hand."""

    session: Session
    cipher: Cipher
    now: datetime = NOW
    account: str = "account-1"
    sent: list[Sent] = field(default_factory=list)
    rates: list[tuple[datetime, bool, int, str, Window, int, int, list[tuple[int, int]]]] = field(
        default_factory=list
    )
    live: dict[tuple[date, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    heard: dict[tuple[str, str], datetime] = field(default_factory=dict)
    closed: dict[date, tuple[str, bytes]] = field(default_factory=dict)
    billed: int = 0

    async def play(self, step: tuple[Any, ...]) -> None:
        """Take one step, and learn how far each message has come."""
        self.now += timedelta(minutes=1)
        name, *arguments = step
        act: Callable[..., Awaitable[None]] = getattr(self, f"_{name}")
        await act(*arguments)
        await self._look()

    async def _look(self) -> None:
        rows = await self.session.execute(text("SELECT id::text, status FROM messages"))
        stands = {row[0]: str(row[1]) for row in rows}
        for sent in self.sent:
            before, sent.status = sent.status, stands[sent.id]
            change = (sent.status not in NO_PLACE) - (before not in NO_PLACE)
            if sent.account == "account-1" and change:
                live = self.live[sent.month, sent.category]
                live[0] += change
                live[1] += change * sent.is_free

    def _rate(
        self, category: str, *, is_open: bool, at: datetime
    ) -> tuple[int, int, list[tuple[int, int]]] | None:
        fits = {Window.ANY, Window.OPEN if is_open else Window.CLOSED}
        found = [rate for rate in self.rates if rate[3] == category and rate[4] in fits and rate[0] <= at]
        return max(found, key=lambda rate: rate[:3])[5:] if found else None

    def _price(self, sent: Sent) -> None:
        """Reckon a price: the allowance first, then the highest tier that is reached."""
        heard = self.heard.get((sent.account, sent.phone))
        sent.is_open = heard is not None and self.now - heard < timedelta(hours=24)
        rate = self._rate(sent.category, is_open=sent.is_open, at=self.now)
        assert rate is not None
        price, allowance, tiers = rate
        live = self.live[sent.month, sent.category]
        live[0] += 1
        sent.is_free = live[1] < allowance
        live[1] += sent.is_free
        reached = [tier for tier in tiers if live[0] > tier[0]]
        sent.price = 0 if sent.is_free else max(reached)[1] if reached else price

    def _pick(self, number: int, *statuses: str) -> Sent | None:
        found = [sent for sent in self.sent if not statuses or sent.status in statuses]
        return found[number % len(found)] if found else None

    # --- Steps ---

    async def _send(self, number: int, category: str) -> None:
        phone = f"91999990000{number}"
        sent = Sent("", self.account, category, phone, self.now)
        pricing = None
        if self.account == "account-1":
            self._price(sent)
            pricing = await fix_price(
                self.session,
                workspace_id=W,
                account_id=self.account,
                category=category,
                phone_hash=self.cipher.phone_hash(phone),
                now=self.now,
            )
            assert pricing.paise == sent.price
        message = await add_message(
            self.session,
            self.cipher,
            new_message(
                account_id=self.account,
                account_owner=ACCOUNTS[self.account],
                category=category,
                phone=phone,
                pricing=pricing,
                price_paise=0,
                now=self.now,
            ),
        )
        sent.id = message.id
        self.sent.append(sent)

    async def _answer(self, number: int, outcome: S) -> None:
        if sent := self._pick(number, "sending"):
            taken = {"gupshup_message_id": f"gs-{sent.id}"} if outcome is S.SUBMITTED else {}
            await record_outcome(self.session, sent.id, status=outcome, now=self.now, **taken)

    async def _again(self, number: int) -> None:
        sent = self._pick(number, "refused")
        if sent is None:
            return
        sent.at = self.now
        pricing = None
        if sent.account == "account-1":
            sent.status = "sending"  # it has a place again before it is looked at
            self._price(sent)
            pricing = await fix_price(
                self.session,
                workspace_id=W,
                account_id=sent.account,
                category=sent.category,
                phone_hash=self.cipher.phone_hash(sent.phone),
                now=self.now,
            )
        await restart_message(
            self.session, sent.id, attempt=2, lease_until=self.now, now=self.now, pricing=pricing
        )

    async def _status(self, number: int, status: S) -> None:
        if sent := self._pick(number):
            report = StatusReport(
                account_id=sent.account,
                status=status,
                gupshup_id=f"gs-{sent.id}",
                phone_hash=self.cipher.phone_hash(sent.phone),
                at=self.now,
            )
            await apply_status(self.session, report)

    async def _bill(self, number: int, category: str, is_billable: bool) -> None:  # noqa: FBT001 - a drawn step
        if sent := self._pick(number):
            self.billed += 1
            event = BilledEvent(
                account_id=sent.account,
                event_key=f"billing:{self.billed}",
                gupshup_id=f"gs-{sent.id}",
                whatsapp_id=None,
                phone_hash=self.cipher.phone_hash(sent.phone),
                is_billable=is_billable,
                category=category,
                at=self.now,
            )
            matched = await take_event(self.session, event)
            self._correct(event, matched.message.id if matched.message else None)

    async def _match(self) -> None:
        for event in await list_to_match(self.session, self.now, limit=99):
            matched = await match_later(self.session, event, self.now)
            self._correct(event, matched.message.id if matched.message else None)

    def _correct(self, event: BilledEvent, message_id: str | None) -> None:
        """Let a message cost what the billed category did when it was sent, where that is less."""
        for sent in self.sent:
            if sent.id == message_id and event.is_billable and sent.category != event.category:
                rate = self._rate(event.category, is_open=sent.is_open, at=sent.at)
                now = sent.price if sent.corrected is None else sent.corrected
                if sent.account == "account-1" and rate is not None and rate[0] < now:
                    sent.corrected = rate[0]

    async def _price_step(
        self, category: str, window: Window, paise: int, free: int, tiers: list[tuple[int, int]]
    ) -> None:
        number = await set_price(
            self.session,
            category,
            paise,
            valid_from=self.now,
            window=window,
            free_monthly=free,
            tiers=[Tier(*tier) for tier in tiers],
        )
        self.rates.append((self.now, window is not Window.ANY, number, category, window, paise, free, tiers))

    async def _switch(self) -> None:
        self.account = "account-2" if self.account == "account-1" else "account-1"

    async def _write(self, number: int) -> None:
        phone = f"91999990000{number}"
        self.heard[self.account, phone] = self.now
        await note_inbound(self.session, self.account, self.cipher.phone_hash(phone), self.now)

    async def _wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    async def _tap(self, number: int) -> None:
        if sent := self._pick(number, "unknown"):
            await adopt_by_reference(self.session, sent.id, f"gs-{sent.id}", at=self.now)

    async def _close(self, after: int) -> None:
        self.now += timedelta(days=after)
        for workspace_id, month in await list_due(self.session, self.now, days=3):
            closed = await close(self.session, workspace_id, month, now=self.now, days=3, person="test")
            self.closed[month] = (closed.content, closed.hash)

    # --- What must hold ---

    async def check(self) -> None:
        """Compare the database with what was reckoned by hand."""
        rows = list(
            await self.session.execute(
                text(
                    "SELECT m.id::text, m.account_id, u.account_id, u.account_owner, u.outcome, m.status"
                    " FROM messages m LEFT JOIN usage u ON u.message_id = m.id"
                )
            )
        )
        assert len(rows) == len(self.sent)
        by_id = {sent.id: sent for sent in self.sent}
        for message_id, account, counted_for, owner, outcome, status in rows:
            assert by_id[message_id].account == account == counted_for
            assert owner == ACCOUNTS[account]
            assert outcome == (status if status in NOT_ACCEPTED else "accepted")

        months = {
            row[0]
            for row in await self.session.execute(
                text("SELECT month FROM usage UNION SELECT month FROM adjustments")
            )
        }
        total = 0
        for month in months:
            net = (await reckon(self.session, W, month)).net_paise
            assert net == await self._sum(month)
            total += net
            if month in self.closed:
                assert net == next(
                    one.net_paise for one in await list_closed(self.session, W) if one.month == month
                )
        assert total == sum(sent.cost for sent in self.sent)
        stored = {one.month: (one.content, one.hash) for one in await list_closed(self.session, W)}
        assert stored == self.closed
        assert await find_break(self.session, W) is None

    async def _sum(self, month: date) -> int:
        """Return the sum of a month's rows, straight from the tables."""
        statement = text(
            "SELECT (SELECT coalesce(sum(price_paise), 0) FROM usage"
            " WHERE month = :month AND is_charged AND account_owner = 'eshopbox')"
            " + (SELECT coalesce(sum(amount_paise), 0) FROM adjustments WHERE month = :month)"
        )
        return int((await self.session.execute(statement, {"month": month})).scalar_one())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=8, max_size=40))
async def test_the_books_add_up_whatever_happens(
    session: Session, cipher: Cipher, steps: list[tuple[Any, ...]]
) -> None:
    """Statement total = Σ rows = what was reckoned by hand; one usage row each; a closed month stays (R5.4, I7)."""
    async with session.begin_nested() as example:
        await add_workspace(session, workspace())
        books = Books(session, cipher)
        for step in (*BEGINNING, *steps):
            await books.play(("price_step", *step[1:]) if step[0] == "price" else step)
        await books.check()
        await example.rollback()
