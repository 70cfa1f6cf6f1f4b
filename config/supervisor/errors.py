"""What can keep an installation from starting."""


class CannotStart(Exception):
    """Headend cannot be started here; the message says why and what to do."""
