"""Statements made of columns: what they say, and what comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from scraper.store.sql import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Statement,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    not_,
    or_,
    select,
    union_all,
    update,
)

_METADATA = MetaData()
books = Table(
    "books",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("price", Float),
    Column("shop", Integer, nullable=False, server_default="1"),
    Index("books_by_key", "key", unique=True, where="price IS NOT NULL"),
)
shops = Table("shops", _METADATA, Column("id", Integer, primary_key=True), Column("name", Text))
stock = Table(
    "stock",
    _METADATA,
    Column("book", Integer, nullable=False),
    Column("shop", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("book", "shop"),
    with_rowid=False,
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as driver:
        connection = Connection(driver)
        for statement in _METADATA.create_statements():
            connection.run(statement)
        connection.execute(insert(shops), [{"name": "one"}, {"name": "two"}])
        rows = [("a", 1.0, 1), ("b", None, 1), ("c", 3.0, 2)]
        connection.execute(insert(books), [dict(zip(("key", "price", "shop"), row, strict=True)) for row in rows])
        yield connection


def keys(connection: Connection, statement: Statement) -> list[object]:
    return list(connection.scalars(statement))


_KEYS = select(books.c.key).order_by(books.c.key)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (books.c.price == 1.0, "a"),
        (books.c.price != 1, "c"),
        (books.c.price.is_(None), "b"),
        (books.c.price.is_not(None), "ac"),
        (books.c.key.in_(["a", "c", "x"]), "ac"),
        (books.c.key.in_([]), ""),
        (books.c.key.not_in([]), "abc"),
        (books.c.key.not_in(("a",)), "bc"),
        (books.c.id.between(2, 3), "bc"),
        (books.c.id + 1 > 3, "c"),
        (books.c.id - (books.c.id - 1) == 1, "abc"),
        (and_(books.c.shop == 1, or_(books.c.key == "a", books.c.key == "c")), "a"),
        (or_(books.c.key == "c", and_(books.c.shop == 1, books.c.key == "b")), "bc"),
        (~or_(books.c.key == "a", books.c.key == "b"), "c"),
        (not_(and_(books.c.key == "a", books.c.shop == 1)), "bc"),
        ((books.c.shop == 1) & (books.c.key > "a"), "b"),
        (books.c.shop == literal_column("2"), "c"),
        (func.coalesce(books.c.price, 9) >= 3, "bc"),
        (func.substr(books.c.key, 1, 1) == "b", "b"),
        (case((books.c.key == "a", 1), (books.c.key == "b", 2), else_=3) == 2, "b"),
        (books.c.shop.in_(select(shops.c.id).where(shops.c.name == "two")), "c"),
        (exists().where(shops.c.id == books.c.shop, shops.c.name == "one"), "ab"),
        (~exists().where(shops.c.id == books.c.shop, shops.c.name == "one"), "c"),
        (books.c.id == select(func.max(books.alias("other").c.id)), "c"),
    ],
)
def test_conditions(connection: Connection, condition: object, found: str):
    assert keys(connection, _KEYS.where(condition)) == list(found)  # type: ignore[arg-type]


class TestSelect:
    def test_of_a_table_has_all_its_columns_by_name(self, connection: Connection):
        row = connection.execute(select(books).where(books.c.key == "c")).first()
        assert row is not None
        assert tuple(row) == (3, "c", 3.0, 2)
        assert (row.key, row.price, row[0]) == ("c", 3.0, 3)

    def test_a_table_of_an_enclosing_query_is_that_query_s(self, connection: Connection):
        """Of several levels, too: the newest book of its shop, and no other."""
        newer, shop = books.alias("newer"), shops.alias("shop")
        again = exists().where(newer.c.shop == books.c.shop, newer.c.id > books.c.id)
        deep = exists().where(shop.c.id == books.c.shop, ~again)
        assert keys(connection, _KEYS.where(deep)) == ["b", "c"]

    def test_joins(self, connection: Connection):
        query = select(books.c.key, shops.c.name.label("where")).order_by(books.c.id)
        joined = query.join(shops, and_(shops.c.id == books.c.shop, shops.c.name == "two"))
        assert [(row.key, row.where) for row in connection.execute(joined)] == [("c", "two")]
        outer = query.outerjoin(shops, and_(shops.c.id == books.c.shop, shops.c.name == "two"))
        assert [row[1] for row in connection.execute(outer)] == [None, None, "two"]

    def test_a_column_that_is_added_to_a_join_brings_no_table(self, connection: Connection):
        query = select(books.c.key).outerjoin(shops, shops.c.id == books.c.shop).add_columns(shops.c.name)
        assert len(connection.execute(query).all()) == 3

    def test_groups_order_limit_and_offset(self, connection: Connection):
        counts = select(books.c.shop, func.count()).group_by(books.c.shop).order_by(books.c.shop.desc())
        assert [tuple(row) for row in connection.execute(counts)] == [(2, 1), (1, 2)]
        assert keys(connection, _KEYS.limit(1).offset(1)) == ["b"]
        assert keys(connection, _KEYS.offset(1)) == ["b", "c"]
        assert keys(connection, select(books.c.shop).distinct().order_by(books.c.shop)) == [1, 2]
        assert connection.scalar(select(func.count(books.c.shop.distinct()))) == 2

    def test_union(self, connection: Connection):
        both = union_all(
            select(books.c.key, literal(1).label("kind")).where(books.c.shop == 2), select(shops.c.name, literal(2))
        ).subquery()
        query = select(both.c.key, both.c.kind).where(both.c.kind > 0).order_by(both.c.key)
        assert [tuple(row) for row in connection.execute(query)] == [("c", 1), ("one", 2), ("two", 2)]

    def test_exists_alone(self, connection: Connection):
        assert connection.scalar(select(exists(select(books.c.id).where(books.c.key == "b")))) == 1
        assert connection.scalar(select(exists(select(books.c.id).where(books.c.key == "x")))) == 0

    def test_a_step_changes_nothing_of_the_statement_before(self, connection: Connection):
        first = _KEYS.where(books.c.shop == 1)
        assert keys(connection, first) == ["a", "b"]
        assert keys(connection, first.where(books.c.key == "b")) == ["b"]
        assert keys(connection, first) == ["a", "b"]


class TestChanges:
    def test_an_insert_gives_the_number_and_the_default(self, connection: Connection):
        number = connection.insert(insert(books).values(key="d"))
        row = connection.execute(select(books).where(books.c.id == number)).first()
        assert row is not None and tuple(row) == (4, "d", None, 1)

    def test_conflicts(self, connection: Connection):
        row = {"book": 1, "shop": 1, "count": 2}
        adding = insert(stock).values(row)
        more = {"count": stock.c["count"] + adding.excluded["count"]}
        summed = adding.on_conflict_do_update(index_elements=["book", "shop"], set_=more)
        assert [connection.execute(summed).rowcount for _ in range(2)] == [1, 1]
        assert connection.scalar(select(stock.c["count"])) == 4
        assert connection.execute(adding.on_conflict_do_nothing()).rowcount == 0
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(adding)

    def test_of_a_query(self, connection: Connection):
        query = select(books.c.id, books.c.shop, literal(7)).where(books.c.shop == 1).order_by(books.c.id)
        copied = insert(stock).from_select(["book", "shop", "count"], query).on_conflict_do_nothing()
        assert [connection.execute(copied).rowcount for _ in range(2)] == [2, 0]

    def test_an_update_counts_the_rows(self, connection: Connection):
        this = update(books).where(books.c.shop == 1)
        assert connection.execute(this.values(price=books.c.id + 10, key=func.upper(books.c.key))).rowcount == 2
        assert [tuple(row)[:3] for row in connection.execute(select(books).where(books.c.shop == 1))] == [
            (1, "A", 11.0),
            (2, "B", 12.0),
        ]

    def test_once_for_each_row_of_parameters(self, connection: Connection):
        this = update(books).where(books.c.key == bindparam("name")).values(price=bindparam("new"))
        connection.execute(this, [{"name": "a", "new": 5.0}, {"name": "b", "new": 6.0}])
        assert keys(connection, select(books.c.price).order_by(books.c.id)) == [5.0, 6.0, 3.0]

    def test_a_delete_of_what_a_query_of_the_same_table_finds(self, connection: Connection):
        some = select(books.c.id).where(books.c.shop == 1).order_by(books.c.id).limit(1)
        assert connection.execute(delete(books).where(books.c.shop == 1, books.c.id.in_(some))).rowcount == 1
        assert keys(connection, _KEYS) == ["b", "c"]

    def test_values_for_columns_that_are_not_there(self):
        with pytest.raises(AssertionError, match="prize"):
            update(books).values(prize=1).compiled()


def test_tables_are_made_once(connection: Connection):
    for statement in _METADATA.create_statements():
        connection.run(statement)
    assert connection.scalar(select(func.count()).select_from(books)) == 3
