"""What all random conversations share: the running stack, how to reach it, and what they leave for the comparison."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from ops.seed import SeededWorkspace
from tests.e2e.evidence import Act, Order
from tests.e2e.weather import StormyStack


@dataclass
class Town:
    """One stack with all its conversations."""

    stack: StormyStack
    http: httpx.AsyncClient
    seed: int
    orders: list[Order] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)
    phones: set[str] = field(default_factory=set)

    @property
    def gupshup(self) -> str:
        return f"{self.stack.addresses.gupshup}/control"

    @property
    def order_system(self) -> str:
        return f"{self.stack.addresses.order_system}/control"

    async def tell(self, url: str, body: Mapping[str, object], *, may_refuse: bool = False) -> Any:
        """Use a control route; None where it says that this is not possible now."""
        response = await self.http.post(url, json=dict(body))
        if may_refuse and response.status_code in {404, 409, 422}:
            return None
        return response.raise_for_status().json()

    async def ask_api(self, workspace: SeededWorkspace, method: str, path: str, **options: Any) -> Any:
        """Use our API as a seller; None where it refuses. Whatever is no answer of ours is a trouble."""
        headers = {"Authorization": f"Bearer {workspace.api_key}"}
        try:
            response = await self.http.request(
                method, f"{self.stack.addresses.api}{path}", headers=headers, **options
            )
        except httpx.TransportError:  # it was killed, and is starting again
            return None
        if response.is_success:
            return response.json()
        if response.status_code not in {404, 409, 422, 429, 503}:
            self.troubles.append(f"{method} {path} answered {response.status_code}: {response.text[:200]}")
        return None

    async def close(self, workspace: SeededWorkspace, case_id: str) -> None:
        """Close a case by our API."""
        answer = await self.ask_api(
            workspace, "POST", f"/v1/cases/{case_id}/close", json={"note": "the conversation is over"}
        )
        if answer is not None:
            self.acts.append(Act(case_id, "close", "", is_done=answer["is_done"]))
