"""Expressions: columns, parameters, and what operators and functions make of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol


class Parameter(NamedTuple):
    """A question mark of a statement: its name where a value is given later, else its value."""

    name: str | None
    value: Any = None


class Writing:
    """A statement while it is written: its parameters in order, and the tables that enclosing selects read."""

    def __init__(self) -> None:
        self.parameters: list[Parameter] = []
        self.enclosing: tuple[Source, ...] = ()


class Source(Protocol):
    """What a FROM clause names."""

    def from_sql(self, writing: Writing) -> str:
        """Return it as FROM has it."""

    def sources(self) -> Iterable[Source]:
        """Return the tables in it."""


class Expression:
    """A value in SQL. Comparing it makes another expression, so that it is never compared in Python."""

    #: How strongly it holds together, against what stands around it.
    strength = 9
    #: Its name among the columns of a select.
    name = ""

    def sql(self, writing: Writing) -> str:
        """Return its text; its parameters are added to those of the statement."""
        raise NotImplementedError

    def sources(self) -> Iterable[Source]:
        """Return the tables whose columns it names; not those inside of a select."""
        return ()

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        return Binary(self, "=", other)

    def __ne__(self, other: object) -> Any:
        return Binary(self, "!=", other)

    def __lt__(self, other: object) -> Expression:
        return Binary(self, "<", other)

    def __le__(self, other: object) -> Expression:
        return Binary(self, "<=", other)

    def __gt__(self, other: object) -> Expression:
        return Binary(self, ">", other)

    def __ge__(self, other: object) -> Expression:
        return Binary(self, ">=", other)

    def __add__(self, other: object) -> Expression:
        return Binary(self, "+", other)

    def __sub__(self, other: object) -> Expression:
        return Binary(self, "-", other)

    def __and__(self, other: Expression) -> Expression:
        return and_(self, other)

    def __invert__(self) -> Expression:
        return not_(self)

    def is_(self, other: None) -> Expression:
        """IS NULL."""
        return Binary(self, "IS", literal_column("NULL"))

    def is_not(self, other: None) -> Expression:
        """IS NOT NULL."""
        return Binary(self, "IS NOT", literal_column("NULL"))

    def between(self, least: object, most: object) -> Expression:
        """Return whether it is neither less nor more."""
        return and_(self >= least, self <= most)

    def in_(self, values: Collection[Any] | Expression) -> Expression:
        """IN, a list of values or a select."""
        if not isinstance(values, Expression) and not values:
            return Raw("1 = 0")  # PostgreSQL has no empty list
        return Binary(self, "IN", _group(values))

    def not_in(self, values: Collection[Any] | Expression) -> Expression:
        """NOT IN, a list of values or a select."""
        if not isinstance(values, Expression) and not values:
            return Raw("1 = 1")
        return Binary(self, "NOT IN", _group(values))

    def desc(self) -> Expression:
        """Return the order from the largest on."""
        return Joined("", (self,), " DESC")

    def distinct(self) -> Expression:
        """Return each value once, inside of a function."""
        return Joined("DISTINCT ", (self,))

    def label(self, name: str) -> Expression:
        """Return it under a name, for a select."""
        return Label(self, name)


def as_expression(value: Any) -> Expression:
    """Return a value as a parameter, and an expression as it is."""
    return value if isinstance(value, Expression) else literal(value)


def _group(values: Collection[Any] | Expression) -> Expression:
    if isinstance(values, Expression):
        return values
    return Joined("(", tuple(as_expression(value) for value in values), ")")


class Raw(Expression):
    """SQL as it is."""

    def __init__(self, words: str) -> None:
        self._words = words

    def sql(self, writing: Writing) -> str:
        return self._words


class Bound(Expression):
    """A parameter."""

    def __init__(self, parameter: Parameter) -> None:
        self._parameter = parameter

    def sql(self, writing: Writing) -> str:
        writing.parameters.append(self._parameter)
        return "?"


class Column(Expression):
    """A column of a table, or of what stands for one.

    Args:
        name: as the table has it.
        type: as SQLite declares it.
        server_default: text that the database fills in; None where there is no default.
    """

    def __init__(
        self,
        name: str,
        type: str = "",
        *,
        primary_key: bool = False,
        nullable: bool = True,
        server_default: str | None = None,
    ) -> None:
        self.name = name
        self.type = type
        self.primary_key = primary_key
        self.nullable = nullable and not primary_key
        self.server_default = server_default
        self.table: Any = None

    def of(self, table: Any) -> Column:
        """Return the same column of something else."""
        other = Column.__new__(Column)
        vars(other).update(vars(self), table=table)
        return other

    def sql(self, writing: Writing) -> str:
        return f'{self.table.name}."{self.name}"'

    def sources(self) -> Iterable[Source]:
        return (self.table,)


class Columns:
    """Columns by name: `c.url`, or `c["items"]`."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self._named = {column.name: column for column in columns}

    def __getattr__(self, name: str) -> Column:
        try:
            return self._named[name]
        except KeyError:
            raise AttributeError(f"no column is called {name}") from None

    def __getitem__(self, name: str) -> Column:
        return self._named[name]

    def __iter__(self) -> Iterator[Column]:
        return iter(self._named.values())


class Joined(Expression):
    """Expressions between commas, or another word, with something before and after."""

    def __init__(
        self, before: str, parts: tuple[Expression, ...], after: str = "", *, between: str = ", ", strength: int = 9
    ) -> None:
        self._before, self._parts, self._after, self._between = before, parts, after, between
        self.strength = strength

    def sql(self, writing: Writing) -> str:
        holds = self.strength == Expression.strength
        parts = [part.sql(writing) if holds else _held(part, writing, self.strength) for part in self._parts]
        return f"{self._before}{self._between.join(parts)}{self._after}"

    def sources(self) -> Iterable[Source]:
        return [source for part in self._parts for source in part.sources()]


def _held(part: Expression, writing: Writing, strength: int) -> str:
    """Return a part, in brackets where it would come apart."""
    words = part.sql(writing)
    return words if part.strength > strength else f"({words})"


class Binary(Expression):
    """Two values and what is between them."""

    def __init__(self, left: Expression, operator: str, right: object) -> None:
        self._left, self._operator, self._right = left, operator, as_expression(right)
        self.strength = 5 if operator in "+-" else 4

    def sql(self, writing: Writing) -> str:
        left = _held(self._left, writing, self.strength)
        return f"{left} {self._operator} {_held(self._right, writing, self.strength)}"

    def sources(self) -> Iterable[Source]:
        return (*self._left.sources(), *self._right.sources())


class Label(Expression):
    """An expression under a name."""

    def __init__(self, expression: Expression, name: str) -> None:
        self._expression = expression
        self.name = name

    def sql(self, writing: Writing) -> str:
        return f'{self._expression.sql(writing)} AS "{self.name}"'

    def sources(self) -> Iterable[Source]:
        return self._expression.sources()


class _Functions:
    """`func.max(column)` is the function of that name."""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Expression:
            parts = tuple(map(as_expression, arguments)) or (literal_column("*"),)
            return Joined(f"{name}(", parts, ")")

        return call


func = _Functions()


def literal_column(words: str) -> Expression:
    """Return SQL as it is, as a value: written out, where the planner is to see it."""
    return Raw(words)


def literal(value: Any) -> Expression:
    """Return a value as a parameter."""
    return Bound(Parameter(None, value))


def bindparam(name: str) -> Expression:
    """Return a parameter that is given when the statement is run."""
    return Bound(Parameter(name))


def not_(part: Expression) -> Expression:
    """Return what holds where it does not."""
    return Joined("NOT ", (part,), strength=3)


def and_(*parts: Expression) -> Expression:
    """Return what holds where all hold."""
    return parts[0] if len(parts) == 1 else Joined("", parts, between=" AND ", strength=2)


def or_(*parts: Expression) -> Expression:
    """Return what holds where one holds."""
    return parts[0] if len(parts) == 1 else Joined("", parts, between=" OR ", strength=1)


def case(*whens: tuple[Expression, Any], else_: Any) -> Expression:
    """Return the value of the first condition that holds."""
    arms = tuple(Joined("WHEN ", (holds, as_expression(value)), between=" THEN ") for holds, value in whens)
    return Joined("CASE ", (*arms, Joined("ELSE ", (as_expression(else_),))), " END", between=" ")


def assigned(values: Mapping[str, Any], columns: Columns) -> list[tuple[Column, Expression]]:
    """Return values by their columns, in the order of the table."""
    unknown = values.keys() - {column.name for column in columns}
    assert not unknown, f"no columns: {unknown}"
    return [(column, as_expression(values[column.name])) for column in columns if column.name in values]
