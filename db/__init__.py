"""All SQL: functions that take a session and return frozen dataclasses; nothing above this package knows a table."""
