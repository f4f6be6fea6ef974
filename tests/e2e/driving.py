"""A story with the levers that tests pull and demos do not."""

from typing import Any

from ops.demo import Story


class DrivenStory(Story):
    """One customer's conversation under a test's control."""

    async def fail_again(self) -> None:
        """Have the next attempt of the same shipment fail."""
        shipment = await self.post(
            f"{self.stack.addresses.order_system}/control/fail",
            {
                "workspace": self.workspace.slug,
                "shipment_id": await self.shipment_id(),
                "reason": self.reason,
            },
        )
        assert shipment["order_id"] == self.order_id

    async def ship(self, event: str) -> None:
        """Have the order system report an event of the shipment."""
        await self.post(
            f"{self.stack.addresses.order_system}/control/events",
            {"shipment_id": await self.shipment_id(), "event": event},
        )

    async def shipment_id(self) -> str:
        return str((await self.api(f"/v1/cases?order_id={self.order_id}"))["cases"][0]["shipment_id"])

    async def order_system_behaves(self, **behaviour: object) -> None:
        await self.post(f"{self.stack.addresses.order_system}/control/behaviour", behaviour)

    async def gupshup_behaves(self, **behaviour: object) -> None:
        await self.post(
            f"{self.stack.addresses.gupshup}/control/behaviour",
            {"app": self.app, "endpoint": "send", **behaviour},
        )

    async def post_api(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.workspace.api_key}"}
        return await self.post(f"{self.stack.addresses.api}{path}", body, headers=headers)

    async def outgoing_event(self, type_: str) -> dict[str, Any]:
        """Wait for an event of ours about this order at the order system."""

        async def look() -> dict[str, Any] | None:
            ledger = (await self.http.get(f"{self.stack.addresses.order_system}/control/ledger")).json()
            for event in ledger["events"]:
                body: dict[str, Any] = event["body"]
                if body["type"] == type_ and body["data"]["order_id"] == self.order_id:
                    return body
            return None

        return await self.until(look, f"the event {type_}")

    async def callback_answers(self, *, minimum: int) -> list[int]:
        """Wait until Gupshup posted replies of this customer, and return how each was answered."""

        async def look() -> dict[str, Any] | None:
            ledger = (await self.http.get(f"{self.stack.addresses.gupshup}/control/ledger")).json()
            statuses = [
                callback["status"]
                for callback in ledger["callbacks"]
                if self.phone in str(callback["body"])
                and callback["kind"].startswith("message")
                and callback["status"]
            ]
            return {"statuses": statuses} if len(statuses) >= minimum else None

        statuses: list[int] = (await self.until(look, "callbacks of this customer"))["statuses"]
        return statuses
