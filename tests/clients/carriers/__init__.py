"""Tests of the carriers' adapters."""
