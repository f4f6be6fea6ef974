"""`make rules` tells the truth: what counts as a test of a rule, what does not, and when it is red.

No docstring, comment or row here names a rule: this file is read like every other.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.rules import ROOT, Broken, main, read_rules, report

LIST = """
## 6. The case

| rule | what holds | state |
| --- | --- | --- |
| R6.1 | One run. | kept |
| R6.1 order | Stays. | later |

## Invariants

| I4 | One action. | later |
"""

MACHINE = """
class Machine(RuleBasedStateMachine):
    @invariant()
    def holds(self):
        assert self.runs == 1  # R6.1

TestMachine = Machine.TestCase
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one kept rule, two later ones, and no test."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "rules.md").write_text(LIST)
    (tmp_path / "tests" / "inner").mkdir(parents=True)
    return tmp_path


def write(project: Path, source: str) -> None:
    """Write the project's one file of tests."""
    (project / "tests" / "inner" / "test_it.py").write_text(source)


def test_kept_rule_without_a_test_is_red_and_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that is built and that nothing proves ends in an error; one that comes later does not."""
    assert main(["--check"], project) == 1
    printed = capsys.readouterr().out
    assert "no test names R6.1: One run." in printed
    assert "I4" not in printed
    write(project, "def test_run(): ...  # R6.1")
    assert main(["--check"], project) == 0
    assert "0 of them without a test" in capsys.readouterr().out


@pytest.mark.parametrize(
    "source",
    [
        "def test_run():  # R6.1\n    ...",
        "async def test_run():\n    '''Once (R6.1).'''",
        "def test_run():\n    '''Once.'''  # F3 R6.1 S4",
        "def test_run():\n    assert True\n    # R6.1: and no more\n    assert True",
        "def test_r6_1_is_one_run(): ...",
        "class TestRuns:\n    def test_run(self):\n        '''R6.1.'''",
        "@parametrize('n', [\n    1,  # R6.1\n    2,\n])\ndef test_run(n): ...",
        "@parametrize('n', [row('R6.1', 2)])\ndef test_run(n): ...",
        "ROWS = [\n    ('R6.1', 2),\n]\n@parametrize('n', ROWS)\ndef test_run(n): ...",
        "ROWS: list[int] = [\n    1,  # R6.1\n]\n@parametrize('n', [*ROWS, 2])\ndef test_run(n): ...",
        MACHINE,
    ],
)
def test_rule_is_found_where_a_test_names_it(project: Path, source: str) -> None:
    """Comment, docstring, name, row of the decorator, row of a table, machine."""
    write(project, source)
    assert not report(project).unproven
    assert main(["--check"], project) == 0


@pytest.mark.parametrize(
    "source",
    [
        "'''About R6.1.'''\ndef test_run(): ...",
        "# R6.1\n\ndef test_run(): ...",
        "def run():\n    '''R6.1.'''\ndef test_run(): ...",
        "def test_run():\n    text = 'R6.1'",
        "ROWS = ['R6.1']\ndef test_run(): ...",
        "@parametrize('n', ['as R6.1 says'])\ndef test_run(n): ...",
        "def test_run():  # R6.11 R16.1 XR6.1\n    ...",
        "class Machine:\n    '''R6.1.'''",
    ],
)
def test_rule_named_elsewhere_proves_nothing(project: Path, source: str) -> None:
    """A heading, a helper, a value, a table that no test is played with."""
    write(project, source)
    assert [rule.number for rule in report(project).unproven] == ["R6.1"]
    assert main(["--check"], project) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def test_run():\n    '''Once.'''  # R6.1 R6.2",
        "@parametrize('n', [('R6.2', 'R6.1')])\ndef test_run(n): ...",
        "ROWS = [('R6.1', 'R6.1 odrer')]\n@parametrize('n', ROWS)\ndef test_run(n): ...",
    ],
)
def test_test_that_names_no_rule_there_is_is_red(
    project: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in a number would prove nothing and look as if it did."""
    write(project, source)
    assert main([], project) == 1
    assert re.search(
        r"no such rule: tests/inner/test_it.py::test_run names R6\.(2|1 odrer) \(line \d\)",
        capsys.readouterr().out,
    )


def test_part_stands_for_the_whole_and_not_the_other_way_round(project: Path) -> None:
    """What names one cell of a table proves the row; what names the row proves no cell."""
    write(project, "def test_run():  # R6.1 order\n    ...")
    assert [len(report(project).proofs(number)) for number in ("R6.1", "R6.1 order")] == [1, 1]
    write(project, "def test_run():  # R6.1 orders nothing\n    ...")
    assert [len(report(project).proofs(number)) for number in ("R6.1", "R6.1 order")] == [1, 0]


def test_later_rule_that_has_tests_is_noticed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever builds it hears that its state is to be changed; nothing is red."""
    write(project, "def test_run():  # R6.1 I4\n    ...")
    assert main(["--check"], project) == 0
    assert "now kept? I4" in capsys.readouterr().out


def test_every_rule_is_shown_with_some_tests_and_one_with_all(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three and how many more; with a number, all and where they name it."""
    write(project, "\n".join(f"def test_{n}(): ...  # R6.1" for n in range(5)))
    assert main([], project) == 0
    table = capsys.readouterr().out
    assert "6. The case" in table
    assert "test_2  +2" in table
    assert "test_3" not in table
    assert main(["R6.1"], project) == 0
    assert "tests/inner/test_it.py::test_4  (line 5)" in capsys.readouterr().out
    assert main(["R6.1", "order"], project) == 0
    assert "later" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main(["R9.9"], project)
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("| R6.1 | One run. | soon |", "line 1: a row is"),
        ("| R6.1 | One run. | kept | yes |", "line 1: a row is"),
        ("| **R6.1** | One run. | kept |", "line 1: a row is"),
        ("| R6.1 | One run. | kept |\n| R6.1 | One run. | kept |", "line 2: R6.1 stands twice"),
        ("| R6.1 order | Stays. | kept |", "line 1: R6.1 order stands before its whole"),
    ],
)
def test_list_that_cannot_be_read_is_an_error(
    project: Path, text: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row that is left out by its form would be a rule that nobody has to prove."""
    with pytest.raises(Broken, match=problem):
        read_rules(text)
    (project / "docs" / "rules.md").write_text(text)
    assert main(["--check"], project) == 1
    assert problem in capsys.readouterr().out


def test_list_has_every_number_once() -> None:
    """The numbers are a contract; each of the nine unexpected answers has its three parts."""
    rules = read_rules((ROOT / "docs" / "rules.md").read_text(encoding="utf-8"))
    whole = [rule.number for rule in rules if " " not in rule.number]
    chapters = Counter(number.partition(".")[0] for number in whole if number.startswith("R"))
    assert chapters == {"R2": 4, "R3": 3, "R4": 8, "R5": 5, "R6": 13, "R7": 11, "R8": 5}
    assert [number for number in whole if number.startswith("I")] == [f"I{n}" for n in range(1, 21)]
    cells = {rule.number for rule in rules if rule.number.startswith("R7.") and " " in rule.number}
    assert cells == {f"R7.{n} {part}" for n in range(1, 10) for part in ("customer", "order", "activity")}
    assert [rule.number for rule in rules if len(rule.says.split()) > 25] == []


def test_no_test_of_ours_names_a_rule_that_there_is_not() -> None:
    """Every number that a test names can be looked up."""
    assert report(ROOT).unknown == ()
