"""Pictures of every page, by one command: `python -m tests.screens` writes them to `var/screenshots`."""
