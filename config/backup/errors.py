"""What can keep a backup from being made or restored."""


class BackupRefused(Exception):
    """It cannot be done; the message says why and what to do. Nothing was changed."""
