"""HTTP from outside: webhooks, the JSON API of workspaces, and what operators look at."""
