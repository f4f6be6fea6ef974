"""What callbacks mean: stored once by `api`, understood here once, told to workflows."""
