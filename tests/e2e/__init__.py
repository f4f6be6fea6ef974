"""The whole system as real processes, one test for each journey."""
