"""Tests of the order system's adapter: calls, tokens, tracking, events."""
