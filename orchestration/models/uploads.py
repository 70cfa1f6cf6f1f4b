"""What people send: one row a file, from its first byte to the video that it becomes."""

import uuid

from django.db import models
from django.utils import timezone

from channels.querysets import Lockable
from channels.stateful import Stateful
from orchestration.models.library import Source, Video
from orchestration.models.work import Job
from orchestration.states import UPLOAD_TRANSITIONS, UPLOAD_VERBS, UploadState


class Upload(Stateful):
    """A file that somebody sends, in pieces and over as many requests as it takes.

    Its bytes lie in `uploads/<key>.part` below MEDIA_ROOT until it is taken in. Where no piece came with a checksum, that
    file's length is how far it is, whatever stands in `received_bytes`; else the recorded figure is, up to which every piece
    was checked. Only `orchestration.pipeline.uploads` writes it.
    """

    TRANSITIONS = UPLOAD_TRANSITIONS
    VERBS = UPLOAD_VERBS

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, help_text="stands in its address")
    owner = models.CharField(max_length=200, help_text="who sends it: a user, or a token")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="uploads")
    name = models.CharField(max_length=255, help_text="of the file")
    title = models.CharField(max_length=300, blank=True, help_text="empty: it is made of the name")
    size_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0)
    checks_pieces = models.BooleanField(default=False, help_text="its pieces come with checksums")
    sha256 = models.CharField(
        max_length=64, blank=True, help_text="of the whole file, if who sends it said so"
    )
    fingerprint = models.CharField(
        max_length=300, blank=True, help_text="by which who sends it knows the file again"
    )
    metadata = models.JSONField(default=dict, blank=True, help_text="as the client gave it")
    state = models.CharField(
        max_length=10, choices=UploadState.choices, default=UploadState.OPEN, db_index=True, editable=False
    )
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="uploads")
    video = models.ForeignKey(Video, null=True, blank=True, on_delete=models.SET_NULL, related_name="uploads")
    is_new = models.BooleanField(null=True, blank=True, help_text="no: the same content was here already")
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_received_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["owner", "state"])]

    def __str__(self) -> str:
        return self.name

    @property
    def percent(self) -> int:
        """Return how much of it is here."""
        return int(100 * self.received_bytes / self.size_bytes)
