"""Measurements that decisions were made by: run by hand, never by the tests."""
