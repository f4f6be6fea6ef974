#!/bin/sh
# Makes the namespace, its retention and its search attributes what they should be. Safe to run again.
# The command line tool finds the server and the namespace by TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

# A server that has just opened its port, or a namespace just made, needs some seconds until every part knows it.
patiently() {
  tries=30
  until "$@"; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
      echo "gave up: $*" >&2
      return 1
    fi
    sleep 2
  done
}

patiently temporal operator cluster health

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

patiently temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" >/tmp/known
for name in $SEARCH_ATTRIBUTES; do
  if ! grep -qw "$name" /tmp/known; then
    patiently temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type Keyword
  fi
done
