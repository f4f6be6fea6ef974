#!/bin/bash
# Runs once, on an empty volume: one login and its databases for us, one role and its two for Temporal.
# Neither role may create databases or see the other's.
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set database_password="$DATABASE_PASSWORD" --set temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE rescue LOGIN PASSWORD :'database_password';
-- What the programs act as: they own nothing, and one of the two sees a single workspace's rows.
CREATE ROLE rescue_all_workspaces NOLOGIN;
CREATE ROLE rescue_one_workspace NOLOGIN;
GRANT rescue_all_workspaces, rescue_one_workspace TO rescue;
CREATE DATABASE rescue OWNER rescue;
REVOKE CONNECT ON DATABASE rescue FROM PUBLIC;

CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility FROM PUBLIC;
SQL
