#!/bin/bash
# Runs once, on an empty volume: one role and its databases for us, one role and its two for Temporal.
# Neither role may create databases or see the other's.
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set database_password="$DATABASE_PASSWORD" --set temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE rescue LOGIN PASSWORD :'database_password';
CREATE DATABASE rescue OWNER rescue;
REVOKE CONNECT ON DATABASE rescue FROM PUBLIC;

CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility FROM PUBLIC;
SQL
