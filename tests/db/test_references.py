"""A tap leads to one case and one choice (S4)."""

from db.encryption import Cipher, digest
from db.references import Reference, add_references, find_choice, find_reference
from db.session import Session
from tests.db.sending import submit


async def test_references_lead_to_one_case_and_choice(session: Session, cipher: Cipher) -> None:
    """By the token's hash, or by the words of the message's own buttons."""  # S4
    case_id = "11111111-1111-4111-8111-111111111111"
    message = await submit(session, cipher, case_id=case_id)
    references = [
        Reference(digest("token-1"), "reattempt", "Try again"),
        Reference(digest("token-2"), "cancel", "Cancel the order"),
    ]
    for _ in range(2):
        await add_references(
            session,
            workspace_id="kapaskraft",
            case_id=case_id,
            message_id=message.id,
            references=references,
        )
    found = await find_reference(session, digest("token-2"))
    assert found is not None
    assert (found.workspace_id, found.case_id, found.message_id, found.choice) == (
        "kapaskraft",
        case_id,
        message.id,
        "cancel",
    )
    assert await find_reference(session, digest("token-3")) is None
    assert await find_choice(session, message.id, "  try AGAIN ") == "reattempt"
    assert await find_choice(session, message.id, "Try") is None
