"""What the API takes and answers; the command line's `--json` renders the same classes."""
