"""Carriers: whoever executes an action on a failed delivery, each behind one protocol."""
