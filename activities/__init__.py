"""One class per kind of outside effect; its methods are the activities."""
