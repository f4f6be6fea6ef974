"""One message of a sender's own, that no case asks for (R6.3, R7.5)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.account_messages import AccountMessages
    from activities.values import AccountMessageTask
    from workflows import options


@workflow.defn(name="AccountMessage")
class AccountMessageWorkflow:
    """One message; the id of the run is the id of what it answers, so that it is sent once."""

    @workflow.run
    async def run(self, task: AccountMessageTask) -> None:
        """Send it."""
        await workflow.execute_activity_method(
            AccountMessages.send, task, summary=task.purpose.value, **options.SEND
        )
