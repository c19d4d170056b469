"""Run by Alembic, with the connection that `jotary.server.store.migrations` handed over."""

from alembic import context

from jotary.server.store.schema import metadata

# One transaction around everything: a failed upgrade leaves the database as it was.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
