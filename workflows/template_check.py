"""The check of every template in use, started by a schedule, or by hand (R4.8)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.templates import Templates
    from activities.values import TemplateCheck, TemplatesChecked
    from workflows import options


@workflow.defn(name="TemplateCheck")
class TemplateCheckWorkflow:
    """One check of all accounts; done again it changes nothing more."""

    @workflow.run
    async def run(self, task: TemplateCheck) -> TemplatesChecked:
        """Have the accounts asked."""
        checked: TemplatesChecked = await workflow.execute_activity_method(
            Templates.check, task, **options.CHECK_TEMPLATES
        )
        return checked
