"""Clients: every payload through an in-memory transport."""
