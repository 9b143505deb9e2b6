#!/bin/sh
# The part of the public image's entry point that the example needs: POSTGRES_{DB,USER,PASSWORD} and PGDATA.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --no-sync
  rm /tmp/password
  printf 'CREATE DATABASE "%s"' "$POSTGRES_DB" | postgres --single postgres
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec "$@" -c listen_addresses='*'
