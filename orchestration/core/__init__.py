"""What every write needs: the audit, transitions, permissions, locks, wake-ups, and the clients of the outside."""
