"""The seller's portal, used as a person uses it."""
