"""The rules as tables: given a case and what happens, expect what it asks for."""
