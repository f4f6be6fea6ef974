"""Every table, index and constraint. The migrations build exactly this; a test compares them.

Sealed columns end in `_sealed` and hold nothing readable; what is found by a token or a phone is found by its hash.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from domain.billing import Adjusted, Window
from domain.messages import MessageStatus

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def storable(value: str) -> str:
    """Return a text as it will be read back: what PostgreSQL cannot hold is replaced."""
    if value.isascii() and "\0" not in value:
        return value
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


class Words(TypeDecorator[str]):
    """Text from anywhere: NUL and lone surrogates, which PostgreSQL cannot hold, are replaced (F45)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's form
        """Return what PostgreSQL can hold of a text."""
        return None if value is None else storable(value)


class OneOf(TypeDecorator[StrEnum]):
    """One word of a list of ours, kept as text."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's form
        """Return the word as text; a word that is not of the list is a bug of ours."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002 - SQLAlchemy's form
        """Return the word as a member of the list."""
        return None if value is None else self.words(value)


def _id(name: str = "id") -> Column[Any]:
    return Column(name, Uuid(as_uuid=False), nullable=False)


def _words(name: str, *, default: str | None = "") -> Column[Any]:
    return Column(name, Words, nullable=False, server_default=default)


def _key(name: str, **options: Any) -> Column[Any]:
    return Column(name, Words, nullable=False, **options)


def _maybe(name: str, kind: Any = Words) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _sealed(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(f"{name}_sealed", LargeBinary, nullable=nullable)


def _hash(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(f"{name}_hash", LargeBinary, nullable=nullable)


def _at(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(f"{name}_at", DateTime(timezone=True), nullable=nullable)


def _now(name: str) -> Column[Any]:
    return Column(f"{name}_at", DateTime(timezone=True), nullable=False, server_default=func.now())


def _count(name: str, default: int = 0) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=str(default))


def _flag(name: str, *, default: bool = False) -> Column[Any]:
    return Column(name, Boolean, nullable=False, server_default=text("true" if default else "false"))


def _number() -> Column[Any]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _workspace(*, primary_key: bool = False) -> Column[Any]:
    return Column("workspace_id", Words, ForeignKey("workspaces.id"), nullable=False, primary_key=primary_key)


# --- Workspaces and how they reach us ---

workspaces = Table(
    "workspaces",
    metadata,
    _key("id", primary_key=True),
    _words("name"),
    _words("brand"),
    Column("policy", JSONB, nullable=False),
    _words("default_language", default="en"),
    _now("created"),
)

order_accounts = Table(
    "order_accounts",
    metadata,
    _workspace(primary_key=True),
    _words("client_id"),
    _sealed("client_secret"),
    _sealed("refresh_token"),
    _hash("webhook_secret"),
    _hash("previous_webhook_secret", nullable=True),
    _now("updated"),
)

event_endpoints = Table(
    "event_endpoints",
    metadata,
    _workspace(primary_key=True),
    _words("url"),
    _sealed("secret"),
    _now("updated"),
)

api_keys = Table(
    "api_keys",
    metadata,
    _key("public_id", primary_key=True),
    _workspace(),
    _hash("secret"),
    Column("scopes", ARRAY(Text), nullable=False),
    _now("created"),
    _at("expires", nullable=True),
    _at("last_used", nullable=True),
    Index(None, "workspace_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _workspace(primary_key=True),
    _key("key", primary_key=True),
    _hash("request"),
    _at("claimed"),
    _maybe("status", Integer),
    _maybe("body"),
    Index(None, "claimed_at"),
)

# --- Accounts, senders, notifications ---

app_accounts = Table(
    "app_accounts",
    metadata,
    _key("id", primary_key=True),
    _words("owner"),
    Column("workspace_id", Words, ForeignKey("workspaces.id"), nullable=True),
    _words("app_name"),
    _words("app_id"),
    _words("phone"),
    _sealed("api_key", nullable=True),
    _words("key_last4"),
    _hash("token"),
    _hash("previous_token", nullable=True),
    _words("header_name"),
    _hash("header_secret", nullable=True),
    _hash("previous_header_secret", nullable=True),
    _words("attention"),
    _at("attention", nullable=True),
    _now("created"),
    # So that the seller can copy the callback address again; it is found by its hash.
    _sealed("token", nullable=True),
    _words("quality"),
    # Gupshup's templates as they were last read: pages show them when Gupshup does not answer.
    Column("templates", JSONB, nullable=False, server_default=text("'[]'")),
    _at("templates_read", nullable=True),
    _at("last_callback", nullable=True),
    UniqueConstraint("token_hash"),
    Index(None, "previous_token_hash"),
)

installations = Table(
    "installations",
    metadata,
    _workspace(primary_key=True),
    Column("account_id", Words, ForeignKey("app_accounts.id"), primary_key=True),
    _words("owner"),
    _at("installed"),
    _at("uninstalled", nullable=True),
    _words("person"),
    Index(
        "uq_installations_one_of_each",
        "workspace_id",
        "owner",
        unique=True,
        postgresql_where=text("uninstalled_at IS NULL"),
    ),
    Index(None, "account_id"),
)

senders = Table(
    "senders",
    metadata,
    _number(),
    _workspace(),
    Column("account_id", Words, ForeignKey("app_accounts.id"), nullable=True),
    _at("selected"),
    _words("person"),
    Index(None, "workspace_id", "id"),
)

notifications = Table(
    "notifications",
    metadata,
    _workspace(primary_key=True),
    Column("account_id", Words, ForeignKey("app_accounts.id"), primary_key=True),
    _key("event", primary_key=True),
    _key("language", primary_key=True),
    _words("template_id"),
    _words("template_name"),
    _words("category"),
    _words("header"),
    _words("body"),
    _words("footer"),
    Column("buttons", JSONB, nullable=False, server_default=text("'[]'")),
    Column("params", JSONB, nullable=False, server_default=text("'[]'")),
    _flag("is_on"),
    _words("attention"),
    _at("attention", nullable=True),
    _now("updated"),
    Index(None, "account_id", "template_id"),
)

# --- Messages and customers ---

messages = Table(
    "messages",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    _workspace(),
    _maybe("case_id", Uuid(as_uuid=False)),
    _words("account_id"),
    _words("order_id"),
    _words("shipment_id"),
    _words("tracking_id"),
    _words("event"),
    _words("kind"),
    _words("purpose"),
    _words("template_id"),
    _words("template_name"),
    _words("language"),
    _words("category"),
    _key("command_id"),
    Column("status", OneOf(MessageStatus), nullable=False),
    _count("attempt", 1),
    _maybe("lease_until", DateTime(timezone=True)),
    _maybe("gupshup_message_id"),
    _maybe("whatsapp_message_id"),
    _words("code"),
    _words("reason"),
    _hash("phone"),
    _sealed("phone"),
    _sealed("content"),
    _at("created"),
    _at("sending"),
    _at("changed"),
    UniqueConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "command_id"),
    Index(None, "account_id", "gupshup_message_id", postgresql_where=text("gupshup_message_id IS NOT NULL")),
    Index(
        None, "account_id", "whatsapp_message_id", postgresql_where=text("whatsapp_message_id IS NOT NULL")
    ),
    Index(None, "workspace_id", "case_id"),
    Index(
        "ix_messages_undecided",
        "account_id",
        "phone_hash",
        postgresql_where=text("status IN ('sending', 'unknown')"),
    ),
    Index("ix_messages_unknown", "sending_at", postgresql_where=text("status = 'unknown'")),
)

message_statuses = Table(
    "message_statuses",
    metadata,
    Column("message_id", Uuid(as_uuid=False), primary_key=True),
    Column("status", OneOf(MessageStatus), primary_key=True),
    _key("workspace_id"),
    Column("at", DateTime(timezone=True), nullable=False),
    _at("provider", nullable=True),
    _words("code"),
    _words("reason"),
    ForeignKeyConstraint(["workspace_id", "message_id"], ["messages.workspace_id", "messages.id"]),
)

orphan_statuses = Table(
    "orphan_statuses",
    metadata,
    _number(),
    _words("account_id"),
    Column("status", OneOf(MessageStatus), nullable=False),
    _maybe("gupshup_id"),
    _maybe("whatsapp_id"),
    _hash("phone", nullable=True),
    _words("code"),
    _words("reason"),
    Column("at", DateTime(timezone=True), nullable=False),
    _at("provider", nullable=True),
    _words("pricing_category"),
    Index(None, "account_id", "gupshup_id"),
    Index(None, "account_id", "whatsapp_id"),
    Index(None, "account_id", "phone_hash"),
    Index(None, "at"),
)

reply_references = Table(
    "reply_references",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    _key("workspace_id"),
    _maybe("case_id", Uuid(as_uuid=False)),
    _id("message_id"),
    _words("choice"),
    _words("title"),
    ForeignKeyConstraint(["workspace_id", "message_id"], ["messages.workspace_id", "messages.id"]),
    Index(None, "message_id"),
)

customers = Table(
    "customers",
    metadata,
    _key("account_id", primary_key=True),
    Column("phone_hash", LargeBinary, primary_key=True),
    _at("last_inbound", nullable=True),
    _at("opted_out", nullable=True),
    _at("opt_changed", nullable=True),
    _words("opt_out_proof"),
    _at("last_standard_answer", nullable=True),
    _words("language"),
    _hash("hidden_id", nullable=True),
    _maybe("standard_answer_to", BigInteger),
    _at("asked_which", nullable=True),
    _maybe("asked_which_to", BigInteger),
    Column("asked_which", JSONB, nullable=False, server_default=text("'[]'")),
    Index(None, "account_id", "hidden_id_hash"),
)

suppressions = Table(
    "suppressions",
    metadata,
    _workspace(primary_key=True),
    Column("phone_hash", LargeBinary, primary_key=True),
    _id("case_id"),
    _at("since"),
    ForeignKeyConstraint(["workspace_id", "case_id"], ["cases.workspace_id", "cases.id"]),
)

# --- Cases ---

cases = Table(
    "cases",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    _workspace(),
    _words("order_id"),
    _key("shipment_id"),
    _words("tracking_id"),
    Column("attempt", Integer, nullable=False),
    _count("visit", 1),
    _words("reason"),
    _words("raw_code"),
    _words("raw_reason"),
    _words("raw_remark"),
    _words("courier_name"),
    # Alone it is nobody's: an area, by which failures are counted.
    _words("pincode"),
    _words("language"),
    _words("account_id"),
    _hash("phone"),
    _hash("content"),
    _sealed("facts"),
    _sealed("policy"),
    _words("state"),
    _words("waits_for"),
    _at("wake", nullable=True),
    _words("outcome"),
    _words("note"),
    _words("accepted_action"),
    _maybe("accepted_on", Date),
    _at("deadline"),
    _at("failed"),
    _at("opened"),
    _at("started", nullable=True),
    _at("ended", nullable=True),
    _at("first_reply", nullable=True),
    _at("last_reply", nullable=True),
    _count("replies"),
    _at("changed"),
    UniqueConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "shipment_id", "attempt", "visit"),
    Index(None, "workspace_id", "opened_at", "id"),
    Index(None, "workspace_id", "order_id"),
    Index(None, "workspace_id", "tracking_id"),
    Index(None, "workspace_id", "phone_hash"),
    # By byte, whatever the database's collation: what begins so is a range.
    Index(
        "ix_cases_order_begins", "workspace_id", "order_id", postgresql_ops={"order_id": "text_pattern_ops"}
    ),
    Index(
        "ix_cases_tracking_begins",
        "workspace_id",
        "tracking_id",
        postgresql_ops={"tracking_id": "text_pattern_ops"},
    ),
    Index("ix_cases_open_deadline", "deadline_at", postgresql_where=text("ended_at IS NULL")),
    Index("ix_cases_open", "workspace_id", "opened_at", "id", postgresql_where=text("ended_at IS NULL")),
    Index(None, "account_id", "phone_hash"),
    Index(
        "ix_cases_unstarted", "opened_at", postgresql_where=text("started_at IS NULL AND ended_at IS NULL")
    ),
)

shipments = Table(
    "shipments",
    metadata,
    _workspace(primary_key=True),
    _key("shipment_id", primary_key=True),
    _words("order_id"),
    _words("tracking_id"),
    _words("last_move"),
    _at("last_moved", nullable=True),
    _count("attempt"),
    _maybe("final"),
    _at("final", nullable=True),
    _at("seen"),
    Index(None, "workspace_id", "order_id"),
)

# One row for each step of a journey that a customer may be told of (R5.1).
journey_events = Table(
    "journey_events",
    metadata,
    _workspace(primary_key=True),
    _key("subject_id", primary_key=True),
    _key("event", primary_key=True),
    _words("order_id"),
    _words("shipment_id"),
    _words("tracking_id"),
    _words("account_id"),
    _at("occurred"),
    _at("seen"),
    _at("due"),
    _at("expires"),
    _at("started", nullable=True),
    _at("ended", nullable=True),
    _words("outcome"),
    # What the message is filled with; forgotten once it is out.
    _sealed("facts", nullable=True),
    Index(
        "ix_journey_events_unstarted",
        "due_at",
        postgresql_where=text("started_at IS NULL AND ended_at IS NULL"),
    ),
    Index("ix_journey_events_open", "expires_at", postgresql_where=text("ended_at IS NULL")),
)

actions = Table(
    "actions",
    metadata,
    _key("id", primary_key=True),
    _key("workspace_id"),
    _id("case_id"),
    _words("action"),
    _words("mode"),
    _words("person"),
    _sealed("request"),
    _words("status"),
    _words("answer"),
    _words("detail"),
    _count("tries", 1),
    _at("asked"),
    _maybe("lease_until", DateTime(timezone=True)),
    _at("answered", nullable=True),
    ForeignKeyConstraint(["workspace_id", "case_id"], ["cases.workspace_id", "cases.id"]),
    Index(None, "workspace_id", "case_id"),
    Index(None, "workspace_id", "asked_at"),
    Index(
        "uq_actions_one_accepted",
        "workspace_id",
        "case_id",
        unique=True,
        postgresql_where=text("status = 'accepted'"),
    ),
)

timeline = Table(
    "timeline",
    metadata,
    _number(),
    _workspace(),
    _key("order_id"),
    Column("at", DateTime(timezone=True), nullable=False),
    _words("kind"),
    _words("topic"),
    _key("key"),
    _maybe("case_id", Uuid(as_uuid=False)),
    _maybe("shipment_id"),
    _words("detail"),
    _words("mode"),
    _words("person"),
    _maybe("message_id", Uuid(as_uuid=False)),
    _sealed("data", nullable=True),
    UniqueConstraint("workspace_id", "key"),
    Index(None, "workspace_id", "order_id", "at", "id"),
    Index("ix_timeline_handover", "workspace_id", "at", postgresql_where=text("kind = 'handover'")),
)

# --- Charges ---

usage = Table(
    "usage",
    metadata,
    Column("message_id", Uuid(as_uuid=False), primary_key=True),
    _key("workspace_id"),
    _words("account_id"),
    _words("account_owner"),
    _words("order_id"),
    _words("shipment_id"),
    _words("event"),
    _words("kind"),
    _words("template_id"),
    _words("template_name"),
    _words("language"),
    _words("category"),
    Column("price_paise", Integer, nullable=False),
    _words("outcome"),
    _flag("is_charged"),
    _at("sent"),
    _hash("phone"),
    _words("phone_last4"),
    _words("pricing_category"),
    _maybe("provider_is_billable", Boolean),
    _words("provider_category"),
    _at("provider_billed", nullable=True),
    # First day of the month it was sent in, by the workspace's calendar of that moment.
    Column("month", Date, nullable=False),
    # By which rule its price was fixed; nothing for what has no price of ours.
    _maybe("rate_id", BigInteger),
    _words("customer_window"),
    _count("tier_above"),
    _flag("is_allowance"),
    _count("month_number"),
    # What it costs since Gupshup billed a cheaper category.
    _maybe("corrected_paise", Integer),
    ForeignKeyConstraint(["workspace_id", "message_id"], ["messages.workspace_id", "messages.id"]),
    Index(None, "workspace_id", "sent_at"),
    Index(None, "sent_at"),
    Index(None, "workspace_id", "month"),
)

usage_counters = Table(
    "usage_counters",
    metadata,
    _workspace(primary_key=True),
    Column("month", Date, primary_key=True),
    _key("category", primary_key=True),
    _count("sent"),
    _count("free"),
)

adjustments = Table(
    "adjustments",
    metadata,
    _number(),
    _workspace(),
    # In which month's statement it stands.
    Column("month", Date, nullable=False),
    _maybe("message_id", Uuid(as_uuid=False)),
    Column("reason", OneOf(Adjusted), nullable=False),
    Column("amount_paise", Integer, nullable=False),
    # The fact that it books: the same is booked once.
    _key("key"),
    _words("detail"),
    _words("person"),
    Column("at", DateTime(timezone=True), nullable=False),
    ForeignKeyConstraint(["workspace_id", "message_id"], ["messages.workspace_id", "messages.id"]),
    UniqueConstraint("workspace_id", "key"),
    Index(None, "workspace_id", "month"),
    Index(None, "message_id"),
)

statements = Table(
    "statements",
    metadata,
    _workspace(primary_key=True),
    Column("month", Date, primary_key=True),
    _at("closed"),
    _words("person"),
    # The statement as canonical JSON, whose bytes the hash covers.
    _words("content"),
    Column("net_paise", BigInteger, nullable=False),
    Column("tax_paise", BigInteger, nullable=False),
    _hash("previous"),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "month"),
)

billing_events = Table(
    "billing_events",
    metadata,
    _number(),
    _words("account_id"),
    _key("event_key"),
    _maybe("gupshup_id"),
    _maybe("whatsapp_id"),
    _hash("phone", nullable=True),
    _flag("is_billable"),
    _words("category"),
    _words("model"),
    _words("type"),
    Column("at", DateTime(timezone=True), nullable=False),
    _at("provider", nullable=True),
    # Ours, once it is found; ids are unique, so nothing else is needed to say whose it is.
    _maybe("message_id", Uuid(as_uuid=False)),
    UniqueConstraint("account_id", "event_key"),
    Index(None, "message_id"),
    Index("ix_billing_events_unmatched", "at", postgresql_where=text("message_id IS NULL")),
    Index(None, "account_id", "at"),
)

rate_card = Table(
    "rate_card",
    metadata,
    _number(),
    _key("category"),
    Column("customer_window", OneOf(Window), nullable=False, server_default=Window.ANY.value),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("price_paise", Integer, nullable=False),
    _count("free_monthly"),
    # Pairs of a number of messages and the price above it.
    Column("tiers", JSONB, nullable=False, server_default=text("'[]'")),
    Index(None, "category", "valid_from"),
)

tax_rates = Table(
    "tax_rates",
    metadata,
    _number(),
    _key("name"),
    Column("basis_points", Integer, nullable=False),
    Column("valid_from", Date, nullable=False),
)

# --- People who sign in ---

people = Table(
    "people",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    # Whose workspace; none for Eshopbox's own staff.
    Column("workspace_id", Words, ForeignKey("workspaces.id"), nullable=True),
    _key("email"),
    _words("name"),
    _words("role"),
    _words("password_hash"),
    _flag("password_is_temporary"),
    _sealed("totp", nullable=True),
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
    _maybe("oidc_issuer"),
    _maybe("oidc_subject"),
    _now("created"),
    _at("disabled", nullable=True),
    UniqueConstraint("email"),
    UniqueConstraint("oidc_issuer", "oidc_subject"),
    Index(None, "workspace_id"),
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id"), nullable=False),
    _words("device"),
    _flag("is_complete"),
    _at("created"),
    _at("seen"),
    _at("confirmed", nullable=True),
    Index(None, "person_id"),
    Index(None, "created_at"),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("key_hash", LargeBinary, primary_key=True),
    _count("failures"),
    _at("failed"),
    Index(None, "failed_at"),
)

audit = Table(
    "audit",
    metadata,
    # The workspace's slug; "-" for the platform, which may have no row of its own. No foreign key: a record outlives all.
    _key("workspace_id", primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    _words("person"),
    _words("action"),
    _words("subject"),
    _words("detail"),
    _hash("previous"),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "at"),
)

price_acceptances = Table(
    "price_acceptances",
    metadata,
    _number(),
    _workspace(),
    Column("account_id", Words, ForeignKey("app_accounts.id"), nullable=False),
    _key("event"),
    _words("category"),
    Column("price_paise", Integer, nullable=False),
    _words("person"),
    _at("accepted"),
    Index(None, "workspace_id", "account_id", "event", "id"),
)

sample_values = Table(
    "sample_values",
    metadata,
    _key("variable", primary_key=True),
    _words("sample"),
    _now("updated"),
)

# --- In and out ---

inbox = Table(
    "inbox",
    metadata,
    _number(),
    _words("source"),
    _words("owner_id"),
    _key("event_key"),
    _sealed("body"),
    _count("position"),
    _words("state"),
    _words("note"),
    # Which case its words were found to be about; what would be found later may be another one.
    _words("meant"),
    _at("received"),
    _at("due"),
    _count("tries"),
    _count("attempts_counted"),
    _at("finished", nullable=True),
    UniqueConstraint("source", "owner_id", "event_key"),
    Index("ix_inbox_new", "due_at", "id", postgresql_where=text("state = 'new'")),
    Index("ix_inbox_parked", "id", postgresql_where=text("state = 'parked'")),
)

outgoing_events = Table(
    "outgoing_events",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    _workspace(),
    _words("type"),
    # What it tells of: the same is told once. Events from before this column have none.
    _maybe("source_key"),
    _sealed("data"),
    _at("created"),
    _at("started", nullable=True),
    _at("delivered", nullable=True),
    _at("failed", nullable=True),
    _words("note"),
    UniqueConstraint("workspace_id", "source_key"),
    Index(None, "workspace_id", "created_at"),
    Index("ix_outgoing_events_unstarted", "created_at", postgresql_where=text("started_at IS NULL")),
    Index("ix_outgoing_events_given_up", "failed_at", postgresql_where=text("failed_at IS NOT NULL")),
)
