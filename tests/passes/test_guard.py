"""The guard that keeps merchants apart: which statements it refuses, and which it lets through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    inspect,
    literal,
    literal_column,
    not_,
    or_,
    outerjoin,
    select,
    table,
    tablesample,
    text,
    true,
    tuple_,
    union_all,
    update,
    values,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm import make_transient_to_detached as as_if_loaded

from passes.cards.models import Card
from passes.customers.models import Customer
from passes.guard import UnscopedQuery
from passes.ledger.models import LedgerEntry
from passes.merchants.models import DirectoryEntry, Location, Merchant, StaffAccount
from passes.store import Store, table_of
from tests.passes.conftest import NOON, Shop

ALMA, BRUNO = UUID(int=0xA), UUID(int=0xB)

own = Card.merchant_id == BRUNO
foreign = Card.merchant_id == ALMA
of_card = (LedgerEntry.merchant_id == Card.merchant_id) & (LedgerEntry.card_id == Card.id)
holder = (Customer.merchant_id == Card.merchant_id) & (Customer.id == Card.customer_id)
entries = select(LedgerEntry.id).where(of_card)
place = {"id": UUID(int=1), "name": "x", "created_at": NOON}


def sub(statement: Any) -> Any:
    return statement.subquery()


def using(source: Any, build: Callable[[Any], Executable]) -> Executable:
    """For statements that name one alias or subquery several times."""
    return build(source)


def lent(inner: Any) -> Select[Any]:
    """All cards of whatever merchant the inner selection names."""
    return select(Card.id).join(inner, inner.c.merchant_id == Card.merchant_id)


def recursive(base: ColumnElement[bool], step: ColumnElement[bool]) -> Select[Any]:
    chain = select(Card.id, Card.merchant_id).where(base).cte("chain", recursive=True)
    further = select(Card.id, Card.merchant_id).join(
        chain, (Card.referrer_card_id == chain.c.id) & (Card.merchant_id == chain.c.merchant_id)
    )
    return select(chain.union_all(further.where(step)).c.id)


MUST_BE_REFUSED: dict[str, Callable[[], Executable]] = {
    # SELECT
    "no condition": lambda: select(Card),
    "by id": lambda: select(Card).where(Card.id == UUID(int=1)),
    "another merchant": lambda: select(Card).where(foreign),
    "no merchant": lambda: select(Card).where(Card.merchant_id == None),  # noqa: E711 - SQL
    "count": lambda: select(func.count()).select_from(Card),
    "count of another": lambda: select(func.count()).select_from(Card).where(foreign),
    "core": lambda: select(table_of(Card).c.id),
    "unequal": lambda: select(Card).where(Card.merchant_id != BRUNO),
    "in": lambda: select(Card).where(Card.merchant_id.in_([BRUNO])),
    "or": lambda: select(Card).where(own | (Card.stamps > 0)),
    "or, nested": lambda: select(Card).where(and_(or_(own, true()), Card.stamps > 0)),
    "not": lambda: select(Card).where(not_(own)),
    "is": lambda: select(Card).where(own.is_(True)),
    "case": lambda: select(Card).where(case((own, True), else_=True)),
    "in the columns": lambda: select(own),
    "in order by": lambda: select(Card.id).order_by(own),
    "in having": lambda: select(Card.id).group_by(Card.id).having(own),
    "itself": lambda: select(Card).where(Card.merchant_id == Card.merchant_id),
    "an expression": lambda: select(Card).where(Card.merchant_id == func.coalesce(BRUNO, ALMA)),
    "a tuple": lambda: select(Card).where(tuple_(Card.merchant_id, Card.id) == (BRUNO, BRUNO)),
    "another column": lambda: select(Card).where(Card.customer_id == BRUNO),
    "alias": lambda: select(aliased(Card)),
    "alias of another": lambda: select(aliased(Card)).where(own),
    "alias of an alias": lambda: select(table_of(Card).alias().alias().c.id),
    "sample": lambda: select(tablesample(table_of(Card), 5).c.id),
    "the merchants": lambda: select(Merchant),
    "a merchant by slug": lambda: select(Merchant).where(Merchant.slug == "alma"),
    # joins
    "product": lambda: select(Card.id, Customer.id).where(own),
    "product in from": lambda: select(Card.id).select_from(Card, Customer).where(own),
    "join by id": lambda: select(Card).join(Customer, Customer.id == Card.customer_id).where(own),
    "join without on": lambda: select(Card).join(Customer).where(own),
    "join, nothing named": lambda: select(Card).join(Customer, holder),
    "join_from": lambda: select(Card.id).join_from(Customer, Card, holder),
    "outer join ties its right side only": lambda: select(Card.id).outerjoin(
        Customer, holder & (Card.merchant_id == BRUNO)
    ),
    "outer join, right to left": lambda: select(Card.id).outerjoin(
        Customer, holder & (Customer.merchant_id == BRUNO)
    ),
    "outer join in from": lambda: select(Card.id).select_from(
        outerjoin(Card, Customer, holder & own)
    ),
    "full join": lambda: (
        select(Customer.id).select_from(outerjoin(Card, Customer, holder, full=True)).where(own)
    ),
    "full join by method": lambda: select(Card.id).join(Customer, holder, full=True).where(own),
    "columns replaced": lambda: select(Card.id).where(own).with_only_columns(LedgerEntry.id),
    "columns added": lambda: select(Card.id).where(own).add_columns(LedgerEntry.id),
    "window": lambda: select(func.sum(LedgerEntry.stamps).over(order_by=Card.id)).where(own),
    "through the directory": lambda: lent(DirectoryEntry.__table__).where(
        DirectoryEntry.merchant_id == BRUNO
    ),
    # unions, subqueries, CTEs
    "union": lambda: select(Card.id).where(own).union(select(Card.id)),
    "union of another": lambda: select(Card.id).where(own).union(select(Card.id).where(foreign)),
    "intersect": lambda: select(Card.id).intersect(select(Card.id).where(own)),
    "subquery": lambda: select(sub(select(Card.id)).c.id),
    "subquery beside its own table": lambda: select(
        Card.id, sub(select(Card.id, Card.stamps)).c.id
    ).where(own),
    "subquery, filtered outside": lambda: using(
        sub(select(Card.id, Card.merchant_id)),
        lambda inner: select(inner.c.id).where(inner.c.merchant_id == BRUNO),
    ),
    "alias of a subquery": lambda: select(sub(select(Card.id)).alias().c.id),
    "lateral": lambda: select(Card.id, select(LedgerEntry.id).lateral().c.id).where(own),
    "cte": lambda: select(select(Card.id).cte().c.id),
    "cte that is not used": lambda: select(Card.id).where(own).add_cte(select(Customer.id).cte()),
    "cte that writes": lambda: select(update(Card).values(stamps=1).returning(Card.id).cte().c.id),
    "cte, recursive": lambda: recursive(true(), own),
    "merchant of the directory": lambda: lent(sub(select(DirectoryEntry.merchant_id))),
    "merchant made up": lambda: lent(sub(select(literal(ALMA).label("merchant_id")))),
    "merchant renamed": lambda: lent(sub(select(Card.customer_id.label("merchant_id")).where(own))),
    "merchant in a list": lambda: lent(
        values(column("merchant_id", Uuid), name="given").data([(ALMA,)])
    ),
    "merchant of a union": lambda: lent(
        union_all(
            select(Card.merchant_id).where(own), select(DirectoryEntry.merchant_id)
        ).subquery()
    ),
    "merchant that an alias lends": lambda: lent(sub(select(DirectoryEntry.merchant_id)).alias()),
    "in a subselect": lambda: select(Card.id).where(own, Card.id.in_(select(Card.id))),
    "any": lambda: select(Card.id).where(
        own, Card.customer_id == any_(select(Customer.id).scalar_subquery())
    ),
    "exists": lambda: select(Card.id).where(own, exists(select(Customer.id))),
    "exists, correlated by id": lambda: select(Card.id).where(
        own, exists(select(Customer.id).where(Customer.id == Card.customer_id))
    ),
    "exists, not correlated": lambda: select(Card.id).where(
        own, exists(select(LedgerEntry.id).where(of_card).correlate(None))
    ),
    "exists, joined inside": lambda: select(Card.id).where(
        own, exists(select(LedgerEntry.id).join(Card, of_card))
    ),
    "exists, correlated to what ties nothing": lambda: using(
        sub(select(DirectoryEntry.merchant_id)),
        lambda known: select(known.c.merchant_id).where(
            exists(select(Card.id).where(Card.merchant_id == known.c.merchant_id))
        ),
    ),
    "scalar subquery": lambda: select(
        Card.id, select(func.count()).select_from(LedgerEntry).scalar_subquery()
    ).where(own),
    "scalar subquery in order by": lambda: (
        select(Card.id).where(own).order_by(select(func.max(LedgerEntry.seq)).scalar_subquery())
    ),
    "scalar subquery in limit": lambda: (
        select(Card.id).where(own).limit(select(func.count(Customer.id)).scalar_subquery())
    ),
    "scalar subquery in on": lambda: (
        select(Card.id)
        .join(
            Customer,
            holder & (Customer.first_name == select(func.max(Merchant.name)).scalar_subquery()),
        )
        .where(own)
    ),
    # text
    "text": lambda: text("SELECT * FROM card"),
    "text with columns": lambda: text("SELECT id FROM card").columns(Card.id),
    "from text": lambda: select(Card).from_statement(text("SELECT * FROM card")),
    "text as a condition": lambda: select(Card).where(own, text("1 = 1 OR 1 = 1")),
    "text as a table": lambda: select(literal(1)).select_from(text("card")),
    "text in order by": lambda: select(Card.id).where(own).order_by(text("(SELECT 1)")),
    "text behind": lambda: select(Card.id).where(own).suffix_with("UNION SELECT id FROM card"),
    "text as a column": lambda: select(literal_column("(SELECT count(*) FROM card)")),
    "a table by name": lambda: select(column("id")).select_from(table("card")),
    # UPDATE, DELETE
    "update": lambda: update(Card).values(stamps=1),
    "update by id": lambda: update(Card).where(Card.id == BRUNO).values(stamps=1),
    "update another": lambda: update(Card).where(foreign).values(stamps=1),
    "update from": lambda: (
        update(Card).where(own, Card.customer_id == Customer.id).values(stamps=1)
    ),
    "update gives away": lambda: update(Card).where(own).values(merchant_id=ALMA),
    "update gives away, by column": lambda: (
        update(Card).where(own).values({Card.merchant_id: ALMA})
    ),
    "update to an expression": lambda: update(Card).where(own).values(merchant_id=Card.customer_id),
    "update reads": lambda: (
        update(Card)
        .where(own)
        .values(stamps=select(func.max(LedgerEntry.stamps)).scalar_subquery())
    ),
    "update in order reads": lambda: (
        update(Card)
        .where(own)
        .ordered_values((Card.stamps, select(func.max(LedgerEntry.stamps)).scalar_subquery()))
    ),
    "update returns": lambda: (
        update(Card)
        .where(own)
        .values(stamps=1)
        .returning(select(func.max(LedgerEntry.stamps)).scalar_subquery())
    ),
    "update of the merchant": lambda: update(Merchant).values(name="x"),
    "delete": lambda: delete(Card),
    "delete another": lambda: delete(Card).where(foreign),
    "delete using": lambda: delete(Card).where(own, Card.id == LedgerEntry.card_id),
    "delete returns": lambda: (
        delete(Card).where(own).returning(select(func.max(LedgerEntry.stamps)).scalar_subquery())
    ),
    # INSERT
    "insert": lambda: insert(Location).values(**place),
    "insert for another": lambda: insert(Location).values(merchant_id=ALMA, **place),
    "insert by column": lambda: insert(Location).values({Location.merchant_id: ALMA}),
    "insert several": lambda: insert(Location).values(
        [{"merchant_id": BRUNO, **place}, {"merchant_id": ALMA, **place}]
    ),
    "insert from select": lambda: insert(Location).from_select(
        ["merchant_id", "id", "name", "created_at"],
        select(Card.merchant_id, Card.id, Card.status, Card.created_at).where(own),
    ),
    "insert reads": lambda: insert(Location).values(
        merchant_id=BRUNO,
        id=UUID(int=1),
        name=select(func.max(Customer.first_name)).scalar_subquery(),
        created_at=NOON,
    ),
    "insert several, one reads": lambda: insert(Location).values(
        [
            {"merchant_id": BRUNO, **place},
            {
                "merchant_id": BRUNO,
                **place,
                "name": select(func.max(Customer.first_name)).scalar_subquery(),
            },
        ]
    ),
    "insert returns": lambda: (
        insert(Location)
        .values(merchant_id=BRUNO, **place)
        .returning(select(func.max(LedgerEntry.stamps)).scalar_subquery())
    ),
    "upsert on SQLite": lambda: (
        sqlite.insert(Merchant)
        .values(id=BRUNO)
        .on_conflict_do_update(index_elements=["slug"], set_={"name": "x"})
    ),
    "upsert on PostgreSQL": lambda: (
        postgresql.insert(Location)
        .values(merchant_id=BRUNO, **place)
        .on_conflict_do_update(index_elements=["id"], set_={"name": "x"})
    ),
}

MAY_PASS: dict[str, Callable[[], Executable]] = {
    "own": lambda: select(Card).where(own),
    "own, the other way round": lambda: select(Card).where(literal(BRUNO) == Card.merchant_id),
    "own and more": lambda: select(Card).where(and_(Card.stamps > 0, and_(own, true()))),
    "own, or inside": lambda: select(Card).where(own, (Card.stamps > 0) | (Card.bonus > 0)),
    "own, filter_by": lambda: select(Card).filter_by(merchant_id=BRUNO),
    "core": lambda: select(table_of(Card).c.id).where(table_of(Card).c.merchant_id == BRUNO),
    "count": lambda: select(func.count()).select_from(Card).where(own),
    "locked": lambda: select(Card.id).where(own).limit(1).with_for_update(),
    "alias": lambda: using(aliased(Card), lambda c: select(c).where(c.merchant_id == BRUNO)),
    "table and alias": lambda: using(
        aliased(Card), lambda c: select(Card.id, c.id).where(own, c.merchant_id == Card.merchant_id)
    ),
    "alias of an alias": lambda: using(
        table_of(Card).alias().alias(), lambda c: select(c.c.id).where(c.c.merchant_id == BRUNO)
    ),
    "the merchant": lambda: select(Merchant).where(Merchant.id == BRUNO),
    "join": lambda: select(Card.id).join(Customer, holder).where(own),
    "join, named at the other end": lambda: (
        select(Card.id).join(Customer, holder).where(Customer.merchant_id == BRUNO)
    ),
    "join, named in on": lambda: select(Card.id).join(Customer, holder & own),
    "join of three": lambda: (
        select(Card.id).join(Customer, holder).join(LedgerEntry, of_card).where(own)
    ),
    "join with the merchant": lambda: (
        select(Card.id).join(Merchant, Merchant.id == Card.merchant_id).where(Merchant.id == BRUNO)
    ),
    "join_from": lambda: select(Card.id).join_from(Customer, Card, holder).where(own),
    "outer join": lambda: select(Card.id).outerjoin(Customer, holder).where(own),
    "outer join, named on the right": lambda: (
        select(Card.id)
        .outerjoin(Customer, (Customer.id == Card.customer_id) & (Customer.merchant_id == BRUNO))
        .where(own)
    ),
    "columns replaced": lambda: (
        select(Card.id).join(Customer, holder).with_only_columns(func.count()).where(own)
    ),
    "union": lambda: (
        select(Card.id).where(own).union(select(Customer.id).where(Customer.merchant_id == BRUNO))
    ),
    "subquery": lambda: select(func.count()).select_from(sub(select(Card.id).where(own))),
    "subquery beside its own table": lambda: using(
        sub(select(Card.id).where(own)),
        lambda inner: select(Card.id, inner.c.id).where(own, inner.c.id == Card.id),
    ),
    "subquery lends its merchant": lambda: lent(sub(select(Card.merchant_id).where(own))),
    "alias lends its merchant": lambda: lent(sub(select(Card.merchant_id).where(own)).alias()),
    "union lends its merchant": lambda: lent(
        union_all(
            select(Card.merchant_id).where(own),
            select(Customer.merchant_id).where(Customer.merchant_id == BRUNO),
        ).subquery()
    ),
    "subquery of a subquery": lambda: lent(
        sub(select(sub(select(Card.merchant_id).where(own)).c.merchant_id))
    ),
    "cte": lambda: select(select(Card.id).where(own).cte().c.id),
    "cte, recursive": lambda: recursive(own, true()),
    "in a subselect": lambda: select(Card.id).where(
        own, Card.id.in_(select(LedgerEntry.card_id).where(LedgerEntry.merchant_id == BRUNO))
    ),
    "exists": lambda: select(Card.id).where(own, exists(entries)),
    "not exists": lambda: select(Card.id).where(own, ~exists(entries)),
    "exists, correlated in words": lambda: select(Card.id).where(
        own, exists(entries.correlate(Card))
    ),
    "exists, correlated except": lambda: select(Card.id).where(
        own, exists(entries.correlate_except(LedgerEntry))
    ),
    "exists, twice as deep": lambda: select(Card.id).where(
        own,
        exists(
            entries.where(
                exists(select(Customer.id).where(Customer.merchant_id == LedgerEntry.merchant_id))
            )
        ),
    ),
    "scalar subquery": lambda: select(
        Card.id, select(func.count()).select_from(LedgerEntry).where(of_card).scalar_subquery()
    ).where(own),
    "scalar subquery in order by": lambda: (
        select(Card.id)
        .where(own)
        .order_by(select(func.max(LedgerEntry.seq)).where(of_card).scalar_subquery())
    ),
    "update": lambda: update(Card).where(own).values(stamps=Card.stamps + 1),
    "update keeps its merchant": lambda: update(Card).where(own).values(merchant_id=BRUNO),
    "update reads": lambda: (
        update(Card)
        .where(own)
        .values(
            stamps=select(func.count()).select_from(LedgerEntry).where(of_card).scalar_subquery()
        )
    ),
    "delete": lambda: delete(Card).where(own, Card.stamps > 5),
    "insert": lambda: insert(Location).values(merchant_id=BRUNO, **place),
    "insert, unless it is there": lambda: (
        sqlite.insert(Location).values(merchant_id=BRUNO, **place).on_conflict_do_nothing()
    ),
    "nothing of a merchant": lambda: select(literal(1), func.now()),
    "the directory": lambda: select(DirectoryEntry.merchant_id).where(DirectoryEntry.key == "x"),
    "staff accounts": lambda: select(StaffAccount.id).where(StaffAccount.email == "x"),
}


@pytest.fixture
def session(sqlite_store: Store) -> Iterator[Session]:
    """A session of Bruno's; whatever the guard lets through is undone."""
    settle(sqlite_store, BRUNO, "bruno", places=0)
    with sqlite_store.write(BRUNO) as opened:
        yield opened
        opened.rollback()


def settle(store: Store, merchant_id: UUID, slug: str, places: int) -> None:
    """A merchant with an id that is known, in the directory, and with some locations."""
    with store.write(merchant_id) as session:
        session.execute(
            insert(Merchant).values(
                id=merchant_id, slug=slug, name=slug, language="de", time_zone="Europe/Berlin",
                currency="EUR", country="DE", wrapped_key="", sealed_token_key="", created_at=NOON,
            )
        )  # fmt: skip
        found = {"kind": "merchant", "key": slug, "subject_id": merchant_id}
        session.execute(insert(DirectoryEntry).values(merchant_id=merchant_id, **found))
        for number in range(places):
            row = {"id": UUID(int=number), "name": f"{slug} {number}", "created_at": NOON}
            session.execute(insert(Location).values(merchant_id=merchant_id, **row))


@pytest.mark.parametrize("name", MUST_BE_REFUSED)
def test_is_refused(session: Session, name: str) -> None:
    with pytest.raises(UnscopedQuery):
        session.execute(MUST_BE_REFUSED[name]())


@pytest.mark.parametrize("name", MAY_PASS)
@pytest.mark.filterwarnings("ignore:SELECT statement has a cartesian product")
def test_passes(session: Session, name: str) -> None:
    session.execute(MAY_PASS[name]())


@pytest.mark.parametrize("name", MAY_PASS)
@pytest.mark.filterwarnings("ignore:SELECT statement has a cartesian product")
def test_what_passes_for_bruno_is_refused_to_alma(sqlite_store: Store, name: str) -> None:
    statement = MAY_PASS[name]()
    if name in {"nothing of a merchant", "the directory", "staff accounts"}:
        return
    with sqlite_store.write(ALMA) as session, pytest.raises(UnscopedQuery):
        session.execute(statement)


def test_the_same_statement_is_checked_with_each_set_of_parameters(session: Session) -> None:
    of_merchant = select(Card.id).where(Card.merchant_id == bindparam("of_merchant"))
    session.execute(of_merchant, {"of_merchant": BRUNO})
    for wrong in ({"of_merchant": ALMA}, {"of_merchant": None}, {}):
        with pytest.raises(UnscopedQuery):
            session.execute(of_merchant, wrong)
    session.execute(of_merchant, {"of_merchant": BRUNO})


def test_every_row_of_a_bulk_insert_is_checked(session: Session) -> None:
    rows = [{"merchant_id": BRUNO, **place}, {"merchant_id": ALMA, **place}]
    with pytest.raises(UnscopedQuery):
        session.execute(insert(Location), rows)
    with pytest.raises(UnscopedQuery):
        session.execute(insert(Location), [place])


def test_a_bulk_update_by_key_is_refused(session: Session) -> None:
    with pytest.raises(UnscopedQuery):
        session.execute(update(Location), [{"merchant_id": ALMA, "id": UUID(int=1), "name": "x"}])


def test_an_update_that_gives_rows_away_by_parameter_is_refused(session: Session) -> None:
    of_bruno = update(Location).where(Location.merchant_id == BRUNO)
    with pytest.raises(UnscopedQuery):
        session.execute(of_bruno, {"merchant_id": ALMA})


@pytest.mark.parametrize(
    "method", ["bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"]
)
def test_the_old_bulk_methods_are_closed(session: Session, method: str) -> None:
    row = {"merchant_id": ALMA, **place}
    arguments = ([Location(**row)],) if method == "bulk_save_objects" else (Location, [row])
    with pytest.raises(UnscopedQuery):
        getattr(session, method)(*arguments)


# --- objects -------------------------------------------------------------------------------------


def test_get_asks_for_the_merchant(alma: Shop, bruno: Shop) -> None:
    customer = alma.customer()
    with bruno.read() as session:
        assert session.get(Customer, (bruno.merchant_id, customer)) is None
        with pytest.raises(UnscopedQuery):
            session.get(Customer, (alma.merchant_id, customer))
        with pytest.raises(UnscopedQuery):
            session.query(Customer).all()


def loaded_by_alma(alma: Shop) -> Customer:
    customer = alma.customer(first_name="Anna")
    with alma.read() as session:
        return session.get_one(Customer, (alma.merchant_id, customer))


def test_a_foreign_row_is_not_refreshed(alma: Shop, bruno: Shop) -> None:
    row = loaded_by_alma(alma)
    with bruno.read() as session:
        session.add(row)
        with pytest.raises(UnscopedQuery):
            session.refresh(row)
        session.expire(row)
        with pytest.raises(UnscopedQuery):
            _ = row.first_name
        session.expunge_all()


def change(row: Customer, session: Session) -> None:
    row.first_name = "Bruno's now"


def move(row: Customer, session: Session) -> None:
    row.merchant_id = session.info["merchant_id"]


def remove(row: Customer, session: Session) -> None:
    session.delete(row)


@pytest.mark.parametrize("touch", [change, move, remove])
def test_a_foreign_row_is_not_flushed(
    alma: Shop, bruno: Shop, touch: Callable[[Customer, Session], None]
) -> None:
    row = loaded_by_alma(alma)

    def flush() -> None:
        with bruno.write() as session:
            session.add(row)
            touch(row, session)

    with pytest.raises(UnscopedQuery):
        flush()
    with alma.read() as session:
        kept = session.get_one(Customer, (alma.merchant_id, inspect(row).identity[1]))
        assert kept.first_name == "Anna"


def test_a_foreign_row_is_not_merged(alma: Shop, bruno: Shop) -> None:
    row = loaded_by_alma(alma)
    with pytest.raises(UnscopedQuery), bruno.write() as session:
        session.merge(row)


def test_an_own_row_is_not_given_away(alma: Shop, bruno: Shop) -> None:
    customer = bruno.customer()
    with pytest.raises(UnscopedQuery), bruno.write() as session:
        session.get_one(Customer, (bruno.merchant_id, customer)).merchant_id = alma.merchant_id


def test_a_row_for_another_is_not_added(alma: Shop, bruno: Shop) -> None:
    with pytest.raises(UnscopedQuery), bruno.write() as session:
        session.add(Location(merchant_id=alma.merchant_id, **place))
    with pytest.raises(UnscopedQuery), bruno.write() as session:
        session.add(Location(**place))


def test_a_row_that_only_seems_loaded_is_not_flushed(alma: Shop, bruno: Shop) -> None:
    row = Location(merchant_id=alma.merchant_id, **place)
    as_if_loaded(row)
    row.name = "y"
    with pytest.raises(UnscopedQuery), bruno.write() as session:
        session.add(row)
