"""Programs for people: the embedded stack, demonstrations and repairs."""
