"""One signed event to a workspace's URL, retried for a day (R8.3)."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.outgoing_events import OutgoingEvents
    from activities.values import OutgoingEventTask
    from workflows import options


@workflow.defn(name="OutgoingEvent")
class OutgoingEventWorkflow:
    """One event; fails visibly, and on its own row, when the URL did not take it within a day."""

    @workflow.run
    async def run(self, task: OutgoingEventTask) -> None:
        """Deliver the event."""
        try:
            await workflow.execute_activity_method(OutgoingEvents.deliver, task, **options.DELIVER_EVENT)
        except ActivityError:
            if workflow.patched("records-giving-up"):
                await workflow.execute_activity_method(OutgoingEvents.give_up, task, **options.RECORD)
            raise
