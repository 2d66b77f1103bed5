"""Alembic's entry: migrates the database that the app is configured for."""

from alembic import context

from marketplace.core.db import Model

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Model.metadata, render_as_batch=connection.dialect.name == "sqlite",
                  compare_type=True, user_module_prefix="marketplace.core.db.")
with context.begin_transaction():
    context.run_migrations()
