"""Foreign APIs: one module or package for each, with its calls, callbacks and error codes."""
