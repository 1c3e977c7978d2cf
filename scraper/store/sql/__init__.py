"""SQL in Python: tables, and statements that are made of their columns.

It has what the store says, under the names that SQLAlchemy's Core gave it, and no more. SQLAlchemy itself takes more
time to import than a crawl of one page may take in all.
"""

from scraper.store.sql.connection import Connection, Cursor, Driver, Result, Row
from scraper.store.sql.expressions import (
    Column,
    Expression,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    not_,
    or_,
)
from scraper.store.sql.schema import (
    BigInteger,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from scraper.store.sql.statements import (
    Insert,
    Select,
    Statement,
    Subquery,
    delete,
    exists,
    insert,
    select,
    union_all,
    update,
)

__all__ = [
    "BigInteger",
    "Column",
    "Connection",
    "Cursor",
    "Dialect",
    "Driver",
    "Expression",
    "Float",
    "Index",
    "Insert",
    "Integer",
    "LargeBinary",
    "MetaData",
    "PrimaryKeyConstraint",
    "Result",
    "Row",
    "Select",
    "Statement",
    "Subquery",
    "Table",
    "Text",
    "and_",
    "bindparam",
    "case",
    "delete",
    "exists",
    "func",
    "insert",
    "literal",
    "literal_column",
    "not_",
    "or_",
    "select",
    "union_all",
    "update",
]
