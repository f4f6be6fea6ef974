"""Sample values of the variables: what every preview shows where a customer's own would stand (section 9 of the rules)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from api.portal.forms import FieldError
from api.portal.frame import Toast
from api.portal.pages import once, render, see_other
from api.portal.staff import record
from api.portal.visits import FieldsNow, Staff, Visit
from db import samples
from domain.variables import SAMPLES, VARIABLES, VariableGroup

__all__ = ["router"]

router = APIRouter(prefix="/ops/samples")

_LONGEST: Final = 120
_GROUPS: Final = {
    VariableGroup.ORDER: "Order",
    VariableGroup.ITEM: "Item",
    VariableGroup.CUSTOMER: "Customer",
    VariableGroup.SHIPMENT: "Shipment",
    VariableGroup.RETURN: "Return",
}


@dataclass(frozen=True, slots=True)
class SampleField:
    """A variable and its sample."""

    name: str
    field: str
    holds: str
    value: str


@dataclass(frozen=True, slots=True)
class SampleGroup:
    """The variables of one subject."""

    key: str
    title: str
    fields: tuple[SampleField, ...]


@dataclass(frozen=True, slots=True)
class SamplesPage:
    """The page."""

    groups: tuple[SampleGroup, ...]
    limit: int = _LONGEST
    errors: tuple[FieldError, ...] = ()


@router.get("")
async def samples_page(visit: Staff) -> Response:
    """Show every variable with its sample."""
    # Samples are of no workspace.
    async with visit.services.resources.database.transaction() as session:
        kept = await samples.list_samples(session)
    return await _page(visit, SAMPLES | kept)


@router.post("")
async def save_samples(visit: Staff, fields: FieldsNow) -> Response:
    """Keep the samples; previews show them from now on."""
    fields.only(*(_field(variable.name) for variable in VARIABLES))
    entered = {variable.name: fields.text(_field(variable.name)) for variable in VARIABLES}
    errors = tuple(
        FieldError(_field(name), "Enter a sample. Previews would have a hole without it.")
        if not value
        else FieldError(_field(name), f"Enter at most {_LONGEST} characters")
        for name, value in entered.items()
        if not value or len(value) > _LONGEST
    )
    if errors:
        return await _page(visit, entered, *errors)

    async def act() -> Response:
        # As above: samples are of no workspace.
        async with visit.services.resources.database.transaction() as session:
            before = SAMPLES | await samples.list_samples(session)
            changed = {name: value for name, value in entered.items() if before.get(name) != value}
            if changed:
                await samples.save_samples(session, changed)
                await record(session, visit, "samples.saved", detail=", ".join(changed))
        words = f"{len(changed)} changed." if changed else "Nothing had changed."
        return see_other(visit, "/ops/samples", Toast("The samples are saved.", words))

    return await once(visit, fields, act)


async def _page(visit: Visit, values: dict[str, str], *errors: FieldError) -> Response:
    groups = tuple(
        SampleGroup(
            group.value,
            title,
            tuple(
                SampleField(each.name, _field(each.name), each.holds, values[each.name])
                for each in VARIABLES
                if each.group is group
            ),
        )
        for group, title in _GROUPS.items()
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    page = SamplesPage(groups, errors=errors)
    return await render(visit, "ops_samples.html", page, current="ops_texts", status=status)


def _field(variable: str) -> str:
    return f"sample_{variable}"
