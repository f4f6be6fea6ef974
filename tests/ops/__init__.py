"""Tests of the programs for people."""
