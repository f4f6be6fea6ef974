"""What the program promises, by layer; the folders mirror the code."""
