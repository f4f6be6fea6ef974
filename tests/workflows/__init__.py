"""Runs of workflows in skipped time, their saved histories, and what Temporal gets to see."""
