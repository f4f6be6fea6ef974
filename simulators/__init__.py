"""Stand-ins for the systems outside, with no import of ours: a shared misreading of the wire would hide."""
