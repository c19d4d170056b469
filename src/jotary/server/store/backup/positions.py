"""Where a feed goes on behind what a restore put into it."""

import sqlalchemy as sa

from jotary.server.store.schema import metadata


def last_position(connection: sa.Connection, table: sa.Table) -> int:
    """The greatest position in the table; 0 when it is empty."""
    return connection.scalar(sa.select(sa.func.max(table.c.position))) or 0


def continue_behind(connection: sa.Connection, table: sa.Table, position: int) -> None:
    """Let the next entry of the table get a greater position than this one.

    Raises:
        NotImplementedError: this kind of database is not known here.
    """
    if connection.dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        connection.execute(sequence.delete().where(sequence.c.name == table.name))
        connection.execute(sequence.insert().values(name=table.name, seq=position))
    elif connection.dialect.name == "postgresql":
        advance = sa.text("SELECT setval(pg_get_serial_sequence(:table, 'position')::regclass, :position)").bindparams(
            sa.bindparam("table", type_=sa.Text()), sa.bindparam("position", type_=sa.BigInteger())
        )
        connection.execute(advance, {"table": table.name, "position": max(position, 1)})
    else:
        raise NotImplementedError(connection.dialect.name)


def lock(connection: sa.Connection) -> None:
    """Keep servers from writing beside this transaction, where the transaction alone does not.

    A server that took a position behind ours and committed first would make followers miss ours.
    """
    if connection.dialect.name == "postgresql":
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        connection.exec_driver_sql(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
