"""Make a backup of a whole installation, and put one in its place."""
