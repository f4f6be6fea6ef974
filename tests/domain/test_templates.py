"""Templates: placeholders, filled by number or by name."""

import pytest

from domain.templates import Filled, placeholders


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("Hello", ()),
        ("Hi {{1}}, {{2}}", ("1", "2")),
        ("{{2}} for {{1}} and {{2}}", ("1", "2")),
        ("{{10}} {{9}}", ("9", "10")),
        ("Hi {{ 1 }}", ("1",)),
        ("Hi {{customer_name}}, {{brand}} and {{customer_name}}", ("customer_name", "brand")),
        ("{{name}} {{2}} {{1}}", ("name", "2", "1")),
        ("{1} {{}} {{a b}} {{-}} {{{x}}}", ("x",)),
        ("{{१}}", ()),
    ],
)
def test_placeholders_stand_in_the_order_of_their_parameters(text: str, expected: tuple[str, ...]) -> None:
    """Numbers by their number, names as they come, each once."""  # R4.5
    assert placeholders(text) == expected


@pytest.mark.parametrize(
    ("body", "params", "expected"),
    [
        ("Hi {{1}}, order {{2}}", ("Asha", "ORD1"), "Hi Asha, order ORD1"),
        ("Order {{2}} for {{1}}", ("Asha", "ORD1"), "Order ORD1 for Asha"),
        ("{{ 1 }} and {{1}}", ("Asha",), "Asha and Asha"),
        ("Hi {{customer_name}}, {{order_id}}", ("Asha", "ORD1"), "Hi Asha, ORD1"),
        ("{{b}} {{a}} {{b}}", ("1st", "2nd"), "1st 2nd 1st"),
        ("Hi {{1}}, order {{2}}", ("Asha",), "Hi Asha, order {{2}}"),
        ("Hi {{name}}", (), "Hi {{name}}"),
        ("Hi {{1}}, {{2}}", ("{{2}}", r"\1"), r"Hi {{2}}, \1"),
        ("No placeholder", ("Asha",), "No placeholder"),
    ],
)
def test_a_text_is_filled_by_number_or_by_name(body: str, params: tuple[str, ...], expected: str) -> None:
    """What the activity shows is what the customer reads; a value is never read as a placeholder."""  # R4.5
    assert Filled(params).into(body) == expected
