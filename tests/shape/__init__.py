"""The structure of the program: what must exist, agree and stay apart."""
