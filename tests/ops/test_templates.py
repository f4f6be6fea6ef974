"""The check of templates from the terminal: what it held and let go, and whom nobody could ask."""

from activities.values import HeldNotification, TemplateCheck, TemplatesChecked
from tests.ops.conftest import Terminal

HELD = HeldNotification(
    "kapaskraft", "account-1", "failed_delivery", "en", "delivery_failed_v3", "template paused"
)


async def test_check_says_what_was_held_and_who_could_not_be_asked(terminal: Terminal) -> None:
    """R4.8, F34: the exit code says whether everybody was asked."""
    terminal.stage.workflows.checked = TemplatesChecked(
        asked=1, held=(HELD,), refused=("account-2",), away=("account-3",), just_asked=("account-4",)
    )
    code, printed = await terminal.run("templates", "check")
    assert code == 1
    for words in (
        "held  kapaskraft",
        "template paused",
        "account-2: Gupshup does not accept the API key",
        "account-3: Gupshup did not tell",
        "account-4: its key was refused less than five minutes ago",
        "1 account asked; notifications held: 1, released: 0.",
    ):
        assert words in printed
    terminal.stage.workflows.checked = TemplatesChecked(asked=1)
    code, _ = await terminal.run("templates", "check", "--account", "account-1")
    assert code == 0
    assert terminal.stage.workflows.checks == [TemplateCheck(), TemplateCheck("account-1")]


async def test_check_of_nothing_and_without_temporal_say_so(terminal: Terminal) -> None:
    """Nothing was done then."""
    code, printed = await terminal.run("templates", "check", "--account", "nobody")
    assert (code, "No notification is on for account nobody." in printed) == (1, True)
    terminal.stage.workflows.is_down = True
    code, printed = await terminal.run("templates", "check")
    assert (code, "Temporal did not answer" in printed) == (1, True)
