"""Wiring: settings, logs, Temporal's client, and everything that has to be opened and closed."""
