"""Which tests prove which rule: `python -m tests.rules` prints it, and fails where a kept rule has none.

The rules stand in `docs/rules.md`. A test proves those that its name, its docstring or a comment in it names, and those
of the rows it is played with: a comment beside a row, or a string that is nothing but a rule's number, in its decorators
or in a module-level table that they mention. Files are read, never imported; what a test asserts is left to its reader.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import TypeVar

__all__ = ["Broken", "Mention", "Report", "Rule", "find_mentions", "main", "read_rules", "report"]

ROOT = Path(__file__).resolve().parents[1]

_NUMBER = r"(?:R\d+\.\d+|I\d+)(?: [a-z]+)?"
_MENTION = re.compile(rf"\b{_NUMBER}\b")
_IN_A_NAME = re.compile(r"(?<![a-z0-9])(?:r(\d+)_(\d+)|i(\d+))(?![a-z0-9])")
_ROW = re.compile(rf"\| ({_NUMBER}) \| ([^|]+) \| (kept|later) \|")

_SHOWN = 3
_WIDTH = 110

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Test = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Node = TypeVar("_Node", bound=ast.AST)


class Broken(ValueError):
    """The list of rules cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the list.

    Attributes:
        number: As tests name it: `R6.3`, `R7.1 order`, `I4`.
        says: What holds, in one sentence.
        is_kept: Whether it is built, so that a test must prove it.
        section: The heading that it stands under.
    """

    number: str
    says: str
    is_kept: bool
    section: str


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """A test that names a rule.

    Attributes:
        test: File and name, as pytest takes them.
        line: Where the rule is named.
        rule: Its number.
    """

    test: str
    line: int
    rule: str


@dataclass(frozen=True, slots=True)
class Report:
    """The rules, and which tests name them."""

    rules: tuple[Rule, ...]
    mentions: tuple[Mention, ...]

    def proofs(self, number: str) -> tuple[Mention, ...]:
        """Return where a rule is named; what names a part names the whole, not the other way round."""
        return tuple(found for found in self.mentions if number in (found.rule, _whole(found.rule)))

    @property
    def unproven(self) -> tuple[Rule, ...]:
        """Rules that are built, but no test names them."""
        return tuple(rule for rule in self.rules if rule.is_kept and not self.proofs(rule.number))

    @property
    def early(self) -> tuple[Rule, ...]:
        """Rules that are not built, but tests name them."""
        return tuple(rule for rule in self.rules if not rule.is_kept and self.proofs(rule.number))

    @property
    def unknown(self) -> tuple[Mention, ...]:
        """Where a test names a rule that there is not."""
        known = {rule.number for rule in self.rules}
        return tuple(found for found in self.mentions if found.rule not in known)


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Print what is asked for and return the exit code: 1 where a rule lacks its test or a test its rule."""
    parser = argparse.ArgumentParser(prog="python -m tests.rules", description=__doc__)
    parser.add_argument("rule", nargs="*", help="one rule in full, as R6.5 or R7.1 order")
    parser.add_argument("--check", action="store_true", help="print only what is wrong")
    options = parser.parse_args(arguments)
    try:
        found = report(root)
    except Broken as error:
        _say(f"docs/rules.md: {error}")
        return 1
    wanted = " ".join(options.rule)
    chosen = [rule for rule in found.rules if wanted in (rule.number, _whole(rule.number))]
    if wanted and not chosen:
        parser.error(f"docs/rules.md has no {wanted}")
    if wanted:
        _say("\n".join(_in_full(found, rule) for rule in chosen))
        return int(any(rule in found.unproven for rule in chosen))
    if not options.check:
        _say(_table(found))
    _say(_verdict(found))
    return int(bool(found.unproven or found.unknown))


def report(root: Path) -> Report:
    """Read `docs/rules.md` and every test below a root.

    Raises:
        Broken: The list of rules cannot be read.
    """
    rules = read_rules((root / "docs" / "rules.md").read_text(encoding="utf-8"))
    known = frozenset(rule.number for rule in rules)
    mentions: list[Mention] = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        mentions += sorted(find_mentions(source, path.relative_to(root).as_posix(), known))
    return Report(rules, tuple(mentions))


def read_rules(text: str) -> tuple[Rule, ...]:
    """Return the rules of a list, in its order.

    Raises:
        Broken: A row has another form, a number stands twice, or a part stands without its whole.
    """
    rules: dict[str, Rule] = {}
    section = ""
    for line_number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("## "):
            section = line.removeprefix("## ")
        if not re.match(r"\|\W*[RI]\d", line):
            continue
        row = _ROW.fullmatch(line)
        if row is None:
            raise Broken(f"line {line_number}: a row is `| number | what holds | kept or later |`")
        rule = Rule(row[1], row[2], row[3] == "kept", section)
        if rule.number in rules:
            raise Broken(f"line {line_number}: {rule.number} stands twice")
        rules[rule.number] = rule
        if _whole(rule.number) not in rules:
            raise Broken(f"line {line_number}: {rule.number} stands before its whole")
    return tuple(rules.values())


def find_mentions(source: str, path: str, known: frozenset[str]) -> set[Mention]:
    """Return which rules each test of a file names.

    Args:
        source: The file.
        path: Its path, for the names of its tests.
        known: Numbers of all rules: they tell a part of a rule (`R7.1 order`) from a number with a word behind it.
    """
    module = ast.parse(source)
    comments = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    tables = dict(_tables(module))
    mentions: set[Mention] = set()
    for name, test in _tests(module):
        rows: list[ast.expr | ast.stmt] = [*test.decorator_list]
        rows += [tables[found.id] for found in _within(rows, ast.Name) if found.id in tables]
        first = min(node.lineno for node in (test, *test.decorator_list))
        spans = [(first, test.end_lineno or first)]
        spans += [(node.lineno, node.end_lineno or node.lineno) for node in rows]
        texts = [(line, text) for line, text in comments if any(a <= line <= b for a, b in spans)]
        texts += [(test.lineno, text) for text in _docstrings(test)]
        named = {(line, _known(match, known)) for line, text in texts for match in _MENTION.findall(text)}
        named |= {
            (string.lineno, string.value)
            for string in _within(rows, ast.Constant)
            if isinstance(string.value, str) and _MENTION.fullmatch(string.value)
        }
        named |= {(test.lineno, f"R{a}.{b}" if a else f"I{c}") for a, b, c in _IN_A_NAME.findall(name)}
        mentions |= {Mention(f"{path}::{name}", line, rule) for line, rule in named}
    return mentions


def _tests(module: ast.Module) -> Iterator[tuple[str, _Test]]:
    """Yield each test with its name: functions, methods of test classes, machines of Hypothesis."""
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    for node in module.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                yield name, node
            case ast.ClassDef(name=name) if name.startswith("Test"):
                for method in node.body:
                    if isinstance(method, _Function) and method.name.startswith("test_"):
                        yield f"{name}::{method.name}", method
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Attribute(value=ast.Name(id=machine), attr="TestCase")
            ) if machine in classes:
                yield name, classes[machine]


def _tables(module: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node


def _within(nodes: Sequence[ast.AST], kind: type[_Node]) -> Iterator[_Node]:
    return (found for node in nodes for found in ast.walk(node) if isinstance(found, kind))


def _docstrings(test: _Test) -> Iterator[str]:
    """Yield the docstring of a test; of a machine also its steps' and invariants'."""
    for node in ast.walk(test):
        if isinstance(node, _Test):
            yield ast.get_docstring(node) or ""


def _known(text: str, known: frozenset[str]) -> str:
    return text if text in known else _whole(text)


def _whole(number: str) -> str:
    """Return the rule that a number is a part of, else the number itself."""
    return number.partition(" ")[0]


def _table(found: Report) -> str:
    lines: list[str] = []
    for section, rules in groupby(found.rules, lambda rule: rule.section):
        lines += ["", section, "-" * len(section)]
        for rule in rules:
            lines += _headline(rule)
            tests = Counter(proof.test for proof in found.proofs(rule.number))
            most = [
                f"{'':16}{test}" for test, _ in tests.most_common(_SHOWN)
            ]  # tables with rows of it come first
            lines += most or [f"{'':16}{_missing(rule)}"]
            if len(tests) > _SHOWN:
                lines[-1] += f"  +{len(tests) - _SHOWN}"
    return "\n".join(lines)


def _in_full(found: Report, rule: Rule) -> str:
    lines = []
    for test, proofs in groupby(found.proofs(rule.number), lambda proof: proof.test):
        named_at = ", ".join(dict.fromkeys(str(proof.line) for proof in proofs))
        lines.append(f"{'':16}{test}  (line {named_at})")
    return "\n".join([*_headline(rule), *(lines or [f"{'':16}{_missing(rule)}"])])


def _headline(rule: Rule) -> list[str]:
    return wrap(f"{rule.number:16}{rule.says}", _WIDTH, subsequent_indent=" " * 16)


def _missing(rule: Rule) -> str:
    return "NO TEST" if rule.is_kept else "later"


def _verdict(found: Report) -> str:
    kept, later = (sum(rule.is_kept is state for rule in found.rules) for state in (True, False))
    lines = [f"{kept} rules are kept, {len(found.unproven)} of them without a test; {later} come later"]
    lines += [f"no test names {rule.number}: {rule.says}" for rule in found.unproven]
    lines += [f"no such rule: {wrong.test} names {wrong.rule} (line {wrong.line})" for wrong in found.unknown]
    lines += [
        f"now kept? {rule.number} is still `later` in docs/rules.md, and has tests" for rule in found.early
    ]
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a program for a terminal


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
