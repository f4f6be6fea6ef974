#!/bin/sh
# Brings both of Temporal's databases to the schema of this image. Safe to run again, and the first step of an upgrade.
# The databases exist already: Temporal's role may not create any.
set -eu

update() {
  database=$1
  schema=$2
  set -- --plugin postgres12 --ep "$POSTGRES_SEEDS" -p "$DB_PORT" -u "$POSTGRES_USER" --db "$database"
  # Version 0.0 sets the bookkeeping up; where a newer version is recorded it is left alone.
  temporal-sql-tool "$@" setup-schema -v 0.0
  temporal-sql-tool "$@" update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
}

update temporal temporal
update temporal_visibility visibility
