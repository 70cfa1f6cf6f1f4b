"""The command line: the same service, the same answers as the API, in text or as JSON."""
