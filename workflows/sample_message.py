"""A notification with sample values, to a phone of the seller's own."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.account_messages import AccountMessages
    from activities.values import SampleMessageTask
    from workflows import options


@workflow.defn(name="SampleMessage")
class SampleMessageWorkflow:
    """One message; somebody waits for it, so a longer outage of Gupshup's ends it unsent."""

    @workflow.run
    async def run(self, task: SampleMessageTask) -> None:
        """Send it."""
        await workflow.execute_activity_method(
            AccountMessages.send_sample, task, summary=task.event, **options.SEND
        )
