"""Statements: select, insert, update, delete. Each step returns a new one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Self

from scraper.store.sql.expressions import (
    Column,
    Columns,
    Expression,
    Joined,
    Parameter,
    Raw,
    Source,
    Writing,
    and_,
    as_expression,
    assigned,
    bindparam,
)
from scraper.store.sql.schema import Table, quoted


class Compiled(NamedTuple):
    """The text of a statement, with its parameters in their order."""

    text: str
    parameters: tuple[Parameter, ...]

    def values(self, named: Mapping[str, Any]) -> list[Any]:
        """Return what its parameters are, where those with names are these."""
        return [each.value if each.name is None else named[each.name] for each in self.parameters]


class Statement:
    """A statement. Its text is made once."""

    _compiled: Compiled | None = None

    def taking(self, names: Iterable[str]) -> Statement:
        """Return it for rows with values of these names."""
        return self

    def compiled(self) -> Compiled:
        """Return its text and its parameters."""
        if self._compiled is None:
            writing = Writing()
            text = self._write(writing)
            self._compiled = Compiled(text, tuple(writing.parameters))
        return self._compiled

    def _write(self, writing: Writing) -> str:
        raise NotImplementedError

    def _with(self, **changes: Any) -> Self:
        other = self.__new__(type(self))  # copy.copy takes six times as long
        vars(other).update(vars(self), _compiled=None, **changes)
        return other


class _Filtered(Statement):
    """A statement with conditions, all of which are to hold."""

    _where: tuple[Expression, ...] = ()

    def where(self, *conditions: Expression) -> Self:
        """Return it for rows alone for which these hold, too."""
        return self._with(_where=self._where + conditions)

    def _condition(self, writing: Writing) -> str:
        return f" WHERE {and_(*self._where).sql(writing)}" if self._where else ""


class _Join:
    """Tables joined on conditions."""

    def __init__(self, left: Source, word: str, right: Source, on: Expression) -> None:
        self._left, self._word, self._right, self._on = left, word, right, on

    def from_sql(self, writing: Writing) -> str:
        left, right = self._left.from_sql(writing), self._right.from_sql(writing)
        return f"{left} {self._word} {right} ON {self._on.sql(writing)}"

    def sources(self) -> Iterable[Source]:
        return (*self._left.sources(), *self._right.sources())


class Select(_Filtered, Expression):
    """A query. As an expression, in brackets, it may be an operand, a column, or what EXISTS asks for."""

    _froms: tuple[Source, ...] = ()
    _order: tuple[Expression, ...] = ()
    _groups: tuple[Expression, ...] = ()
    _limit: Expression | None = None
    _offset: Expression | None = None
    _lock = ""
    _start = "SELECT "

    def __init__(self, *columns: Expression | Table) -> None:
        self._columns: tuple[Expression, ...] = tuple(
            each for column in columns for each in (column.c if isinstance(column, Table) else (column,))
        )

    def add_columns(self, *columns: Expression) -> Self:
        """Return it with more columns."""
        return self._with(_columns=self._columns + columns)

    def select_from(self, source: Source) -> Self:
        """Return it with a table that no column names."""
        return self._with(_froms=(*self._froms, source))

    def join(self, right: Source, on: Expression) -> Self:
        """Return it with the rows of another table that fit."""
        return self._joined("JOIN", right, on)

    def outerjoin(self, right: Source, on: Expression) -> Self:
        """Return it with the rows of another table that fit, or NULLs."""
        return self._joined("LEFT OUTER JOIN", right, on)

    def _joined(self, word: str, right: Source, on: Expression) -> Self:
        beside = set(map(id, right.sources()))
        left, *rest = [source for source in self._all_froms(self._columns) if id(source) not in beside]
        return self._with(_froms=(_Join(left, word, right, on), *rest))

    def order_by(self, *by: Expression) -> Self:
        """Return it ordered."""
        return self._with(_order=self._order + by)

    def group_by(self, *by: Expression) -> Self:
        """Return it with a row a group."""
        return self._with(_groups=by)

    def limit(self, most: int | Expression) -> Self:
        """Return it with so many rows at the most."""
        return self._with(_limit=as_expression(most))

    def offset(self, first: int | Expression) -> Self:
        """Return it without the first rows."""
        return self._with(_offset=as_expression(first))

    def locking(self, how: str) -> Self:
        """Return it so that its rows stay as they are until the transaction ends: `UPDATE`, `KEY SHARE`, …

        SQLite, where one at a time writes, reads that as a comment.
        """
        return self._with(_lock=f" /*FOR {how}*/")

    def distinct(self) -> Self:
        """Return it with each row once."""
        return self._with(_start="SELECT DISTINCT ")

    def subquery(self) -> Subquery:
        """Return it as a table for another query."""
        return Subquery([self])

    def names(self) -> list[str]:
        """Return what its columns are called."""
        return [column.name for column in self._columns]

    def sources(self) -> Iterable[Source]:
        return ()

    def sql(self, writing: Writing) -> str:
        return f"({self._write(writing)})"

    def _all_froms(self, expressions: Iterable[Expression]) -> list[Source]:
        """Return what it reads from: what is said, and the tables of these expressions that are not in that."""
        froms = list(self._froms)
        known = {id(source) for each in froms for source in each.sources()}
        for expression in expressions:
            for source in expression.sources():
                if id(source) not in known:
                    known.add(id(source))
                    froms.append(source)
        return froms

    def _write(self, writing: Writing) -> str:
        froms = self._all_froms((*self._columns, *self._where))
        outer = writing.enclosing
        if len(froms) > 1:
            # A table of an enclosing query is that query's, not one more of this.
            taken = set(map(id, outer))
            froms = [source for source in froms if id(source) not in taken]
        writing.enclosing = (*outer, *(source for each in froms for source in each.sources()))
        words = self._start + ", ".join(column.sql(writing) for column in self._columns)
        if froms:
            words += f" FROM {', '.join(_from(source, writing) for source in froms)}"
        words += self._condition(writing)
        for before, expressions in ((" GROUP BY ", self._groups), (" ORDER BY ", self._order)):
            if expressions:
                words += before + ", ".join(expression.sql(writing) for expression in expressions)
        if self._limit is not None or self._offset is not None:
            # SQLite has no OFFSET without a LIMIT.
            words += f" LIMIT {self._limit.sql(writing) if self._limit is not None else -1}"
        if self._offset is not None:
            words += f" OFFSET {self._offset.sql(writing)}"
        writing.enclosing = outer
        return words + self._lock


def _from(source: Source, writing: Writing) -> str:
    outer, writing.enclosing = writing.enclosing, () if isinstance(source, Subquery) else writing.enclosing
    words = source.from_sql(writing)
    writing.enclosing = outer
    return words


class Exists(Select):
    """Whether a query has rows."""

    def sql(self, writing: Writing) -> str:
        return f"EXISTS ({self._write(writing)})"


class Subquery:
    """Queries, one below the other, as a table."""

    name = "these"

    def __init__(self, parts: Sequence[Select]) -> None:
        self._parts = parts
        self.c = Columns(Column(name).of(self) for name in parts[0].names())

    def from_sql(self, writing: Writing) -> str:
        """Return it as FROM has it."""
        return f"({' UNION ALL '.join(part._write(writing) for part in self._parts)}) AS {self.name}"

    def sources(self) -> Iterable[Source]:
        """Return itself."""
        return (self,)


class _Union:
    def __init__(self, *parts: Select) -> None:
        self._parts = parts

    def subquery(self) -> Subquery:
        """Return it as a table for another query."""
        return Subquery(self._parts)


class _Excluded:
    """The row that an insert could not add."""

    name = "excluded"

    def sources(self) -> Iterator[Source]:
        return iter(())


class Insert(Statement):
    """Rows for a table: of values, or of a query."""

    #: Whether its values can be repeated for several rows.
    is_of_values = True

    def __init__(self, table: Table) -> None:
        self.table = table
        self._values: Mapping[str, Any] = {}
        self._query: Select | None = None
        self._names: list[str] = []
        self._conflict: tuple[str, tuple[tuple[str, Expression], ...]] = "", ()

    @cached_property
    def excluded(self) -> Columns:
        """Return the columns of the row that could not be added."""
        row = _Excluded()
        return Columns(column.of(row) for column in self.table.c)

    def values(self, values: Mapping[str, Any] | None = None, **named: Any) -> Self:
        """Return it for a row."""
        return self._with(_values={**self._values, **(values or {}), **named})

    def taking(self, names: Iterable[str]) -> Statement:
        return self if self._values else self.values({name: bindparam(name) for name in names})

    def from_select(self, names: Sequence[str], query: Select) -> Self:
        """Return it for the rows of a query."""
        return self._with(_names=list(names), _query=query, is_of_values=False)

    def on_conflict_do_nothing(self, index_elements: Sequence[str] = ()) -> Self:
        """Return it so that it leaves out a row that is there."""
        return self._with(_conflict=(f"{_listed(index_elements)} DO NOTHING", ()))

    def on_conflict_do_update(self, index_elements: Sequence[str], set_: Mapping[str, Any]) -> Self:
        """Return it so that it changes a row that is there."""
        pairs = tuple((name, as_expression(value)) for name, value in set_.items())
        return self._with(_conflict=(f"{_listed(index_elements)} DO UPDATE SET ", pairs))

    def _write(self, writing: Writing) -> str:
        if self._query is not None:
            words = f"INSERT INTO {self.table.name}{_listed(self._names)} {self._query._write(writing)}"
        else:
            pairs = assigned(self._values, self.table.c)
            values = Joined("(", tuple(value for _, value in pairs), ")").sql(writing)
            words = f"INSERT INTO {self.table.name}{_listed([column.name for column, _ in pairs])} VALUES {values}"
        rule, changes = self._conflict
        if rule:
            words += f" ON CONFLICT{rule}" + ", ".join(f'"{name}" = {new.sql(writing)}' for name, new in changes)
        return words


def _listed(names: Sequence[str]) -> str:
    return f" ({quoted(names)})" if names else ""


class Update(_Filtered):
    """New values for the rows of a table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._values: Mapping[str, Any] = {}

    def values(self, values: Mapping[str, Any] | None = None, **named: Any) -> Self:
        """Return it with these new values."""
        return self._with(_values={**self._values, **(values or {}), **named})

    def _write(self, writing: Writing) -> str:
        writing.enclosing = (self.table,)
        pairs = [f'"{column.name}" = {new.sql(writing)}' for column, new in assigned(self._values, self.table.c)]
        return f"UPDATE {self.table.name} SET {', '.join(pairs)}{self._condition(writing)}"


class Delete(_Filtered):
    """Rows of a table that go."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def _write(self, writing: Writing) -> str:
        writing.enclosing = (self.table,)
        return f"DELETE FROM {self.table.name}{self._condition(writing)}"


def select(*columns: Expression | Table) -> Select:
    """Return a query of columns, or of all those of a table."""
    return Select(*columns)


def exists(query: Select | None = None) -> Exists:
    """Return whether a query has rows; without one, add what is asked by `where`."""
    found = Exists(Raw("*"))
    if query is not None:
        vars(found).update(vars(query), _compiled=None)
    return found


def union_all(*parts: Select) -> _Union:
    """Return the rows of several queries."""
    return _Union(*parts)


def insert(table: Table) -> Insert:
    """Return an insert into a table."""
    return Insert(table)


def update(table: Table) -> Update:
    """Return an update of a table."""
    return Update(table)


def delete(table: Table) -> Delete:
    """Return a delete from a table."""
    return Delete(table)
