"""Durable shells around the rules: they wait, run activities and feed results back; they decide nothing."""
