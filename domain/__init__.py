"""The rules of the product as pure functions over frozen values; standard library only."""
