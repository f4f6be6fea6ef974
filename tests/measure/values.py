"""What the measured message is started with."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ids:
    """What a journey message is started with: ids only."""

    workspace_id: str
    subject_id: str
    event: str
    expires_at: datetime
