"""Any sequence of answers, results, moves, acts by hand and clock jumps keeps what a case promises.

500 sequences in `make test`, 20,000 in `make nightly`.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain import cases, questions, timing
from domain.case_events import (
    ActionAnswered,
    ActionTaken,
    Answer,
    CloseAsked,
    Command,
    CustomerOptedIn,
    CustomerOptedOut,
    CustomerReplied,
    EndCase,
    Event,
    LanguageChosen,
    MessageAccepted,
    MessageNotSent,
    MessageUnknown,
    Opened,
    Purpose,
    ResendAsked,
    SendSession,
    SendTemplate,
    ShipmentMoved,
    Superseded,
    TakeAction,
    WokeUp,
)
from domain.cases import Case, Outcome, State, TakenBack
from domain.failures import Action, Capabilities, Mode, Reason
from domain.messages import NotSent
from domain.replies import AddressDraft, Reply, ReplyKind
from domain.shipments import ShipmentMove
from domain.timing import AtDeadline
from domain.understanding import understand
from domain.wording import PRESETS, SessionKind, SessionMessage
from tests.domain.given import a_policy, some_facts

MIDNIGHT = datetime(2026, 11, 19, 18, 30, tzinfo=UTC)  # the 20th begins in India
DAYS = [date(2026, 11, 18) + timedelta(days=ahead) for ahead in range(12)]
CHOICES = [
    *(action.value for action in Action),
    questions.OPTIONS,
    questions.CONFIRM_CANCEL,
    questions.KEEP,
    questions.ADDRESS_YES,
    questions.ADDRESS_CHANGE,
    questions.DISPUTE_SEND,
    *(f"date:{day.isoformat()}" for day in DAYS),
    "date:",
    "date:soon",
    "of another program",
]
TEXTS = [
    "",
    "yes",
    "no",
    "hello",
    "4 Rose Villa, MG Road",
    "4 Rose Villa 560001",
    "Flat 5, 560002",
    "call 9999900002",
    "landmark: temple",
    "\u202e",
    "haan",
    "nahi",
    "cancel kar do",
    "kal bhej do",
    "फिर से भेज दो",
    "रद्द कर दो",
    "25 tarikh",
    "koi nahi aaya",
    "this is not my order",
    "address change karna hai",
    "agent se baat karni hai",
    "hindi",
    "english",
    *(str(number) for number in range(1, 8)),
]
OTHER = ("ORD-OF-ANOTHER-SELLER", "NilgiriTea")
DONE = tuple(
    words.split("{")[0]
    for texts in PRESETS.values()
    for key, words in texts.items()
    if key.startswith("accepted_")
)
HANDS = [Mode.OPS, Mode.SELLER_PORTAL, Mode.API, Mode.CUSTOMER_PORTAL]
HALTED = frozenset({Answer.UNAVAILABLE, Answer.UNKNOWN})

actions = st.sampled_from(Action)
taken = actions.filter(lambda action: action is not Action.NOT_MY_ORDER)  # no order system is asked for it
texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=40))
pincodes = st.sampled_from(["", "560001", "110001"])
addresses = st.builds(AddressDraft, text=texts, pincode=pincodes, phone=texts, landmark=texts)
minutes = st.one_of(st.integers(0, 5), st.integers(0, 60), st.integers(0, 3 * 24 * 60))


class CaseMachine(RuleBasedStateMachine):
    """One case in a world that does what it likes.

    The world is as wild as Temporal allows: results come in any order, twice, or for requests that nobody made. Only
    what the order system accepted is kept as it would be: once an action is accepted, that is what happened.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = MIDNIGHT
        self.policy = a_policy()
        self.case: Case = cases.open_case(some_facts(), self.policy)
        self.deadline_at = self.case.deadline_at
        self.ids: set[str] = set()
        self.asked: dict[str, TakeAction] = {}
        self.answers: dict[str, Answer] = {}  # the last answer that each request got while it was pending
        self.accepted: list[str] = []
        self.last_written_at: datetime | None = None
        self.opted_out = False
        self.replies = 0

    @initialize(
        reason=st.sampled_from(Reason),
        attempt=st.integers(1, 3),
        resolutions=st.lists(actions, max_size=3),
        able=st.sets(actions),
        window=st.integers(0, 12),
        flags=st.tuples(*[st.booleans()] * 5),
        at_deadline=st.sampled_from(AtDeadline),
        quiet=st.sampled_from([("21:00", "08:00"), ("13:00", "15:00"), ("", ""), ("00:00", "23:30")]),
        reminders=st.lists(st.integers(1, 1500), max_size=3),
        begins_after=st.integers(0, 26 * 60),
        language=st.sampled_from(["en", "hi", "hi-IN", "ta", ""]),
        works=st.sampled_from([("", ""), ("10:00", "18:00"), ("22:00", "06:00")]),
        taken_back=st.one_of(st.none(), st.builds(TakenBack, taken, st.none(), st.just("because"))),
        heard=st.one_of(st.none(), st.integers(0, 48 * 60)),
        tells=st.booleans(),
    )
    def begin(
        self,
        *,
        reason: Reason,
        attempt: int,
        resolutions: list[Action],
        able: set[Action],
        window: int,
        flags: tuple[bool, bool, bool, bool, bool],
        at_deadline: AtDeadline,
        quiet: tuple[str, str],
        reminders: list[int],
        begins_after: int,
        language: str,
        works: tuple[str, str],
        taken_back: TakenBack | None,
        heard: int | None,
        tells: bool,
    ) -> None:
        """Open a case of any kind, at any hour, under any policy."""
        capabilities = Capabilities(
            actions=tuple(sorted(able | {Action.CANCEL} if flags[4] else set(Action))),
            needs_same_pincode=flags[0],
            date_window_days=window,
            sunday_delivery=flags[1],
        )
        self.policy = a_policy(
            at_deadline=at_deadline,
            quiet_from=quiet[0],
            quiet_until=quiet[1],
            reminders_after=tuple(reminders),
            answer_unexpected=flags[2],
            works_from=works[0],
            works_until=works[1],
            tell_new_day=tells,
            texts=(),
        )
        self.now = MIDNIGHT + timedelta(minutes=begins_after)
        heard_at = None if heard is None else self.now - timedelta(minutes=heard)
        self.last_written_at = heard_at
        facts = some_facts(
            reason=reason,
            attempt=attempt,
            resolutions=tuple(resolutions),
            failed_at=MIDNIGHT,
            capabilities=capabilities,
            address_form=flags[3],
            language=language,
            taken_back=taken_back,
            withdrawn=(taken_back.action,) if taken_back else (),
            heard_at=heard_at,
        )
        self.case = cases.open_case(facts, self.policy)
        self.deadline_at = self.case.deadline_at
        self.give(Opened())

    # What happens.

    @rule(choice=st.sampled_from(CHOICES), ago=st.integers(0, 90))
    def customer_taps(self, choice: str, ago: int) -> None:
        """Any button, of this question, of an earlier one, or of none."""
        self.customer_answers(Reply("", ReplyKind.CHOICE, self.now, choice=choice), ago)

    @rule(kind=st.sampled_from(ReplyKind), text=texts, address=addresses, ago=st.integers(0, 30 * 60))
    def customer_writes(self, kind: ReplyKind, text: str, address: AddressDraft, ago: int) -> None:
        """Anything, also what was long under way."""
        read = understand(text, timing.local_day(self.now, self.policy))
        reply = Reply(
            "", kind, self.now, text=text, address=address, place=text, media_kind="image", said=read
        )
        self.customer_answers(reply, ago)

    def customer_answers(self, reply: Reply, minutes_ago: int) -> None:
        """Give an answer that was received some time ago."""
        self.replies += 1
        at = self.now - timedelta(minutes=minutes_ago)
        if reply.kind is not ReplyKind.REACTION:
            self.last_written_at = max(at, self.last_written_at or at)
        given = Reply(
            f"wamid.{self.replies}",
            reply.kind,
            at,
            text=reply.text,
            choice=reply.choice,
            address=reply.address,
            place=reply.place,
            media_kind=reply.media_kind,
            said=reply.said,
        )
        self.give(CustomerReplied(given))

    @precondition(lambda self: self.asked)
    @rule(answer=st.sampled_from(Answer), which=st.integers(0, 10))
    def order_system_answers(self, answer: Answer, which: int) -> None:
        """Any answer to any request, also to one that was answered before."""
        requests = list(self.asked)
        self.give(ActionAnswered(requests[-1 - which % len(requests)], answer, "because"))

    @precondition(lambda self: self.case.state is State.ACTING)
    @rule(answer=st.sampled_from(Answer))
    def order_system_answers_what_is_pending(self, answer: Answer) -> None:
        """The usual course of things."""
        pending = self.case.pending
        assert pending is not None
        self.give(ActionAnswered(pending.id, answer, "because"))

    @rule(
        event=st.one_of(
            st.sampled_from(ShipmentMove).map(ShipmentMoved),
            st.just(CustomerOptedOut()),
            st.just(CustomerOptedIn()),
            st.sampled_from(["hi", "en"]).map(LanguageChosen),
            st.just(Superseded(2)),
            st.sampled_from(HANDS).map(CloseAsked),
        )
    )
    @precondition(lambda self: self.replies > 3)  # endings are easy to find: first let something happen
    def world_moves_on(self, event: Event) -> None:
        """Delivered, opted out, superseded, closed."""
        self.give(event)

    @rule(
        event=st.one_of(
            st.just(Opened()),
            st.just(WokeUp()),
            st.just(ActionAnswered("nobody/1", Answer.ACCEPTED)),
            st.just(MessageAccepted("nobody/1")),
            st.just(MessageUnknown("nobody/1")),
            st.builds(
                MessageNotSent, st.just("nobody/1"), st.sampled_from(NotSent), is_template=st.booleans()
            ),
            st.builds(ResendAsked, st.sampled_from(HANDS)),
        )
    )
    def something_arrives(self, event: Event) -> None:
        """Results for things nobody knows, repeated starts, timers at any moment, a wish to send again."""
        self.give(event)

    @rule(
        action=actions,
        mode=st.sampled_from(HANDS),
        on=st.one_of(st.none(), st.sampled_from(DAYS)),
        address=addresses,
    )
    def somebody_acts(self, action: Action, mode: Mode, on: date | None, address: AddressDraft) -> None:
        """Any action by hand, with or without what it needs."""
        self.give(ActionTaken(action, mode, "somebody", on, address))

    @rule(after=minutes)
    def time_passes(self, after: int) -> None:
        """Nobody wakes the case meanwhile: we may be down."""
        self.now += timedelta(minutes=after)

    @precondition(lambda self: self.case.is_open)
    @rule()
    def case_is_woken(self) -> None:
        """When it wants to be."""
        self.wake()

    # What must hold.

    def give(self, event: Event) -> None:
        """Give the case an event and check what it asks for."""
        if isinstance(event, CustomerOptedOut | CustomerOptedIn):
            self.opted_out = isinstance(event, CustomerOptedOut)
        before = self.case
        pending = before.pending if before.state is State.ACTING else None
        self.case, commands = cases.decide(before, event, self.now, self.policy)
        if isinstance(event, ActionAnswered) and pending is not None and event.request_id == pending.id:
            self.answers[event.request_id] = event.answer
            if event.answer is Answer.ACCEPTED and before.is_open:
                self.accepted.append(event.request_id)
        self.check_ids(commands, before)
        for command in commands:
            self.check(command, before, event)

    def check_ids(self, commands: Iterable[Command], before: Case) -> None:
        """No id is given twice, except to the same request and to what is said once after the end however often it comes."""
        once_after_the_end = {f"{self.case.id}/late", f"{self.case.id}/late/person"}
        for command in commands:
            is_same_request = isinstance(command, TakeAction) and self.asked.get(command.id) == command
            is_stalled = command == before.stalled  # given again as it was: it finds out how far it came
            if not is_same_request and not is_stalled and command.id not in once_after_the_end:
                assert command.id not in self.ids
            self.ids.add(command.id)

    def check(self, command: Command, before: Case, event: Event) -> None:
        """Check one command against what is promised."""
        match command:
            case TakeAction(request=request):
                assert before.is_open, "nothing is asked for after the end"  # I4
                if before.state is State.ACTING:
                    assert before.pending == request, "one action at a time"  # I4
                    assert self.answers[request.id] in HALTED, "asked again only without a clear answer"
                else:
                    assert command.id not in self.asked, "a new wish is a new request"
                assert not self.accepted, "one accepted action for one case"  # R6.6
                self.asked[command.id] = command
            case SendTemplate():
                assert before.is_open
                assert before.state is not State.ACTING
                assert timing.quiet_until(self.now, self.policy) is None  # R6.8 I6
                assert self.now < self.deadline_at or isinstance(event, ResendAsked)  # R6.7
                assert not self.opted_out or not before.is_open  # R5.5
            case SendSession(message=message):
                assert not (self.opted_out and before.is_open)  # R5.5 I6; after the end the database knows
                self.check_words(message)  # I11
                assert self.last_written_at is not None
                assert self.now - self.last_written_at < timedelta(hours=24)  # R7.11 I6
                if not isinstance(event, CustomerReplied | ActionAnswered):
                    assert command.purpose is Purpose.NUDGE or isinstance(event, WokeUp | Opened)
                    assert timing.quiet_until(self.now, self.policy) is None  # R6.8
                if message.body.startswith(DONE):
                    assert isinstance(event, ActionAnswered)  # I14
                    assert event.answer is Answer.ACCEPTED
                    assert event.request_id == (before.pending and before.pending.id)
                if message.kind is SessionKind.BUTTONS:
                    assert 1 <= len(message.options) <= 3
                if message.kind is SessionKind.LIST:
                    assert 1 <= len(message.options) <= 10
            case EndCase(outcome=outcome):
                assert before.is_open, "a case ends once"
                assert self.case.outcome is Outcome(outcome)

    def check_words(self, message: SessionMessage) -> None:
        """See that a text names its own order, and nobody else's."""
        said = " ".join(
            [message.header, message.body, message.footer, *(one.title for one in message.options)]
        )
        assert self.case.facts.failure.order_id in said  # R6.3
        assert not any(name in said for name in OTHER)
        assert "{" not in said

    def wake(self) -> None:
        """Wake the case when it wants to be, and see that waking leads somewhere."""
        for _ in range(10):
            at = cases.wake_at(self.case, self.policy)
            if at is None:
                return
            self.now = max(self.now, at)
            self.give(WokeUp())
            later = cases.wake_at(self.case, self.policy)
            if later is None or later > self.now:
                return
        raise AssertionError("woken again and again at one instant")

    @invariant()
    def state_and_outcome_agree(self) -> None:
        """A case is over exactly when it has an outcome, and acts exactly when something is pending."""
        assert self.case.is_open is (self.case.state is not State.ENDED)
        assert (cases.wake_at(self.case, self.policy) is None) is (not self.case.is_open)
        if self.case.is_open:
            assert (self.case.state is State.ACTING) is (self.case.pending is not None)
        assert bool(cases.waits_for(self.case, self.policy))

    @invariant()
    def at_most_one_action_is_accepted(self) -> None:
        """What the case remembers is the one thing the order system accepted."""  # I4 R6.6
        assert len(self.accepted) <= 1
        assert [self.case.accepted.id] == self.accepted if self.case.accepted else not self.accepted
        assert (self.case.outcome is Outcome.RESOLVED) is bool(self.accepted)

    def teardown(self) -> None:
        """Left alone with its timer, and an order system that never answers, every case ends on time."""  # I9
        left_at = self.now
        while self.case.is_open:
            self.wake()
            assert self.now <= max(left_at, self.deadline_at + timedelta(hours=1))


TestCaseMachine = CaseMachine.TestCase
TestCaseMachine.settings = settings(
    max_examples=20_000 if settings.get_current_profile_name() == "nightly" else 500, deadline=None
)
