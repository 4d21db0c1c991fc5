"""
The grammar of filters, and what each of its sentences asks of a record.

    expression := term ("or" term)*
    term       := factor ("and" factor)*
    factor     := "not" factor | "(" expression ")" | test
    test       := field | field operator value | field "in" "(" value ("," value)* ")"
    operator   := == != < <= > >= contains matches

A field that a record does not have fails every test, `!=` too; `not` turns that around. A field
that occurs several times (`length` of three planes) passes when one of them does; `!=` wants none
of them equal.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from vmedia_bench.trace.entry import Entry
from vmedia_bench.trace.filter_fields import Field, Operand, Value, field_named
from vmedia_bench.trace.record import AnyRecord

Test: TypeAlias = Callable[[AnyRecord, Entry], bool]

ORDERS: Final = ("<", "<=", ">", ">=")
OPERATORS: Final = ("==", "!=", *ORDERS, "in", "contains", "matches")
WORDS: Final = ("and", "or", "not", "in", "contains", "matches")
_SYNONYMS: Final = {"&&": "and", "||": "or", "!": "not", "=": "==", "~": "matches"}
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<mark>==|!=|<=|>=|&&|\|\||[<>=!~(),])
      | (?P<word>[\w.|:+\-%/]+)
    )""",
    re.VERBOSE,
)
_ESCAPED: Final = re.compile(r"\\(.)")
DEEPEST: Final = 64


class FilterError(ValueError):
    """An expression that makes no sense. `position` is where, counted from 0."""

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position

    def pointed(self) -> str:
        """Three lines: the expression, a caret under the mistake, and the message."""
        return f"{self.text}\n{' ' * self.position}^\n{self.message}"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a mark or a quoted text (`quoted`), and where it begins and ends."""

    text: str
    start: int
    end: int
    quoted: bool = False


def tokens(text: str) -> list[Token]:
    """The tokens of an expression; raises FilterError for a character that begins none."""
    found: list[Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            what = "a text without an end" if text[at] in "\"'" else f"{text[at]!r} means nothing"
            raise FilterError(what, text, at)
        kind = match.lastgroup or ""
        word, start = match[kind], match.start(kind)
        if kind == "text":
            found.append(Token(_ESCAPED.sub(r"\1", word[1:-1]), start, match.end(), quoted=True))
        else:
            lower = word.lower()
            plain = _SYNONYMS.get(word) or (lower if lower in WORDS else word)
            found.append(Token(plain, start, match.end()))
        at = match.end()
    return found


def parse(text: str) -> Test | None:
    """What an expression asks of a record and its entry; None for an empty one."""
    found = tokens(text)
    return _Parser(text, found).whole() if found else None


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self._text = text
        self._tokens = found
        self._at = 0
        self._depth = 0

    def whole(self) -> Test:
        """All of it."""
        test = self._expression()
        left = self._peek()
        if left is not None:
            known = "and, or" if not self._is(")") else "an opening parenthesis before this"
            raise self._error(f"{left.text!r} cannot stand here: {known} is missing", left)
        return test

    def _expression(self) -> Test:
        tests = [self._term()]
        while self._skip("or"):
            tests.append(self._term())
        return tests[0] if len(tests) == 1 else _any(tests)

    def _term(self) -> Test:
        tests = [self._factor()]
        while self._skip("and"):
            tests.append(self._factor())
        return tests[0] if len(tests) == 1 else _all(tests)

    def _factor(self) -> Test:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"more than {DEEPEST} parentheses within each other", self._peek())
        try:
            if self._skip("not"):
                return _not(self._factor())
            if self._skip("("):
                test = self._expression()
                if not self._skip(")"):
                    raise self._error("a closing parenthesis is missing", self._peek())
                return test
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Test:
        token = self._word("a field")
        try:
            field = field_named(token.text)
        except ValueError as problem:
            raise self._error(str(problem), token) from None
        mark = self._peek()
        if mark is None or mark.quoted or mark.text not in OPERATORS:
            return field.is_there
        self._at += 1
        if mark.text == "in":
            return _one_of(field, self._list(field))
        return _compare(field, mark.text, self._value(field, mark.text))

    def _list(self, field: Field) -> list[Operand]:
        if not self._skip("("):
            raise self._error("`in` takes a list: (1, 2, 3)", self._peek())
        found = [self._operand(field)]
        while self._skip(","):
            found.append(self._operand(field))
        if not self._skip(")"):
            raise self._error("the list has no end: ) or , is missing", self._peek())
        return found

    def _value(self, field: Field, mark: str) -> Operand:
        if mark in {"contains", "matches"}:
            token = self._word("a text")
            if mark == "contains":
                return Operand(token.text, None)
            try:
                return Operand(token.text, None, re.compile(token.text, re.IGNORECASE))
            except re.error as problem:
                raise self._error(f"not a regular expression: {problem}", token) from None
        operand = self._operand(field)
        if mark in ORDERS and operand.number is None:
            raise self._error(f"{mark} needs a number", self._tokens[self._at - 1])
        return operand

    def _operand(self, field: Field) -> Operand:
        token = self._word("a value")
        try:
            return field.operand(token.text, quoted=token.quoted)
        except ValueError as problem:
            raise self._error(str(problem), token) from None

    def _word(self, what: str) -> Token:
        token = self._peek()
        misplaced = token is not None and not token.quoted and not token.text[:1].isalnum()
        if token is None or (misplaced and token.text[:1] not in "_-+."):
            raise self._error(f"{what} is missing", token)
        if not token.quoted and token.text in WORDS:
            raise self._error(f"{what} is missing before {token.text!r}", token)
        self._at += 1
        return token

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _is(self, text: str) -> bool:
        token = self._peek()
        return token is not None and not token.quoted and token.text == text

    def _skip(self, text: str) -> bool:
        found = self._is(text)
        self._at += found
        return found

    def _error(self, message: str, token: Token | None) -> FilterError:
        position = self._tokens[-1].end if token is None else token.start
        return FilterError(message, self._text, position)


def _any(tests: list[Test]) -> Test:
    return lambda record, entry: any(test(record, entry) for test in tests)


def _all(tests: list[Test]) -> Test:
    return lambda record, entry: all(test(record, entry) for test in tests)


def _not(test: Test) -> Test:
    return lambda record, entry: not test(record, entry)


def _one_of(field: Field, operands: list[Operand]) -> Test:
    def test(record: AnyRecord, entry: Entry) -> bool:
        found = field.values(record, entry)
        return any(operand.equals(value) for value in found for operand in operands)

    return test


def _compare(field: Field, mark: str, operand: Operand) -> Test:
    values = field.values
    if mark == "!=":

        def differs(record: AnyRecord, entry: Entry) -> bool:
            found = values(record, entry)
            return bool(found) and not any(map(operand.equals, found))

        return differs
    passes = _PASSES[mark](operand)
    return lambda record, entry: any(map(passes, values(record, entry)))


def _ordered(holds: Callable[[int, int], bool], operand: Operand) -> Callable[[Value], bool]:
    limit = operand.number or 0
    return lambda value: value.number is not None and holds(value.number, limit)


_PASSES: Final[dict[str, Callable[[Operand], Callable[[Value], bool]]]] = {
    "==": lambda operand: operand.equals,
    "<": lambda operand: _ordered(operator.lt, operand),
    "<=": lambda operand: _ordered(operator.le, operand),
    ">": lambda operand: _ordered(operator.gt, operand),
    ">=": lambda operand: _ordered(operator.ge, operand),
    "contains": lambda operand: operand.within,
    "matches": lambda operand: operand.found_in,
}
