"""An answer that comes after its case has ended: at most one message back, by the same rules (R6.6, R6.9, R7.2)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.cases import Cases
    from activities.messages import Messages
    from activities.values import SendSessionTask, Snapshot
    from domain import cases
    from domain.case_events import Note, SendSession
    from workflows import options
    from workflows.rules import rules_of_run
    from workflows.values import LateReply


@workflow.defn(name="LateReply")
class LateReplyWorkflow:
    """One late answer; the id of the run is the id of the answer, so that it happens once."""

    @workflow.run
    async def run(self, late: LateReply) -> None:
        """Answer, and note what contradicts."""
        case, commands = cases.decide(late.case, late.event, workflow.now(), late.policy, rules_of_run())
        notes = tuple(command for command in commands if isinstance(command, Note))
        snapshot = Snapshot(
            case.facts.failure.workspace_id, case.id, cases.progress(case, late.policy), notes
        )
        if notes:
            await workflow.execute_activity_method(
                Cases.record, snapshot, summary=notes[0].topic, **options.RECORD
            )
        for command in commands:
            if isinstance(command, SendSession):
                await workflow.execute_activity_method(
                    Messages.send_session,
                    SendSessionTask(snapshot, command),
                    summary="after the end",
                    **options.SEND,
                )
