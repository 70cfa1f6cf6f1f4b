"""The chain over the audit log: which entries stood when, in which words, and what stood before them."""

from django.db import models


class Seal(models.Model):
    """One entry as it was sealed: the digest of its content, and the block that it is in; written by the sealer, once."""

    entry = models.BigIntegerField(primary_key=True, help_text="the entry's id; no reference, it may be gone")
    block = models.BigIntegerField(db_index=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the entry's content, hexadecimal")

    class Meta:
        ordering = ["entry"]

    def __str__(self) -> str:
        return f"seal of entry {self.entry}"


class SealBlock(models.Model):
    """Entries sealed together: the digest over their seals and over the block before it; written by the sealer, once."""

    number = models.BigIntegerField(primary_key=True, help_text="1, 2, 3, … without a gap")
    sealed_at = models.DateTimeField()
    entries = models.PositiveIntegerField(help_text="how many entries it holds")
    first_entry = models.BigIntegerField(help_text="the lowest of their ids")
    last_entry = models.BigIntegerField(help_text="the highest of their ids")
    previous = models.CharField(
        max_length=64, blank=True, help_text="the digest of the block before; empty: none"
    )
    digest = models.CharField(max_length=64, help_text="SHA-256, hexadecimal")

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"block {self.number} of {self.entries} entries"
