"""Recorded days of the order system's events, made from a seed."""
