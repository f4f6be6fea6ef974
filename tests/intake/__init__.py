"""Tests of intake: what callbacks mean."""
