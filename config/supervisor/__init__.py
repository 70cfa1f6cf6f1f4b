"""Run a whole installation from one parent process: broker, sandbox, web, workers and beat."""
