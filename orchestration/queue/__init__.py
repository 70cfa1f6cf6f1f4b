"""The table as a queue: jobs, who holds them by which lease, and the pools they draw from."""
