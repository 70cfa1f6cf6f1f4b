"""What keeps it going: the system's switch, the tick, the worker, jobs, and why things wait."""
