"""Which rules a run follows: the newest when it began, the same on every replay."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import cases


def rules_of_run() -> int:
    """Return the number of the rules of this run; to be asked once, at its start."""
    for number in range(cases.RULES, 1, -1):
        if workflow.patched(f"rules-{number}"):
            return number
    return 1
