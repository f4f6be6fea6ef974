"""Activities against a real database, with foreign systems played by hand."""
