"""Money's daily round, started by a schedule: what Gupshup billed against what we counted, and months that are due."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.billing import Billing
    from activities.values import Reconciled, Round
    from workflows import options


@workflow.defn(name="Reconciliation")
class ReconciliationWorkflow:
    """One round; both parts change nothing when they are done again."""

    @workflow.run
    async def run(self, task: Round) -> Reconciled:
        """Match first: a late match of a month that is about to be closed still stands in it."""
        reconciled: Reconciled = await workflow.execute_activity_method(
            Billing.reconcile, task, **options.ROUND
        )
        await workflow.execute_activity_method(Billing.close_months, task, **options.ROUND)
        return reconciled
