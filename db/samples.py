"""Sample values of the variables: what previews show where a customer's own would stand (section 9)."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from db.session import Session
from db.tables import sample_values


async def list_samples(session: Session) -> dict[str, str]:
    """Return the sample values that are kept, by variable."""
    rows = (await session.execute(select(sample_values.c.variable, sample_values.c.sample))).all()
    return {row.variable: row.sample for row in rows}


async def save_samples(session: Session, samples: Mapping[str, str]) -> None:
    """Keep sample values; those of other variables stay."""
    for variable, sample in samples.items():
        statement = insert(sample_values).values(variable=variable, sample=sample)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["variable"], set_={"sample": sample, "updated_at": func.now()}
            )
        )
