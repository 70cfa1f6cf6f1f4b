"""Files that people send: sources to send them to, and each from its first byte to its last."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from orchestration.core.permissions import action
from orchestration.errors import InvalidRequest
from orchestration.media.errors import MediaError
from orchestration.models import ApiToken, Source, Upload
from orchestration.pipeline import room, uploads
from orchestration.pipeline.take_in import Taken, take
from orchestration.register import sources
from orchestration.service.base import Door
from orchestration.states import SourceKind


class Uploads(Door):
    """Files that people send."""

    @action("operate")
    def add_upload_source(self, *, name: str, rights_basis: str = "", rights_note: str = "") -> Source:
        """Register a source of uploads: the rights basis of all that is sent to it is said once."""
        return sources.add_uploads(name=name, rights_basis=rights_basis, rights_note=rights_note)

    @action("operate")
    def begin_upload(
        self,
        *,
        source_id: int,
        name: str,
        size_bytes: int,
        title: str = "",
        sha256: str = "",
        fingerprint: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> Upload:
        """Make room for a file that is going to come."""
        return uploads.begin(
            owner=self.actor.label,
            source_id=source_id,
            name=name,
            size_bytes=size_bytes,
            title=title,
            sha256=sha256,
            fingerprint=fingerprint,
            metadata=metadata,
        )

    @action("operate")
    def receive_upload(
        self,
        *,
        key: str,
        offset: int,
        length: int,
        body: BinaryIO,
        checksum: uploads.Checksum | None = None,
    ) -> Upload:
        """Append what comes to an upload; who began it may. The last byte hands it to a job that takes it in."""
        return uploads.receive(
            uploads.find(key),
            owner=self.actor.label,
            offset=offset,
            length=length,
            body=body,
            checksum=checksum,
        )

    @action("read")
    def get_upload(self, *, key: str) -> Upload:
        """Return an upload."""
        return uploads.find(key)

    @action("operate")
    def abandon_upload(self, *, key: str, reason: str = "") -> Upload:
        """Give an upload up and throw away what has come; who began it may, and an administrator."""
        is_admin = self.actor.reaches(ApiToken.Scope.ADMIN)
        return uploads.abandon(uploads.find(key), reason=reason, owner=None if is_admin else self.actor.label)

    @action("admin")
    def take_file(
        self,
        *,
        path: Path,
        source_id: int,
        title: str = "",
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> Taken:
        """Copy a file of this machine into the library, with the checks of an upload; the file itself stays.

        Raises: InvalidRequest, naming `path` (no file, empty, damaged, too large) or `source_id`; DiskTooFull.
        """
        source = Source.objects.filter(pk=source_id, kind=SourceKind.UPLOADS).first()
        if source is None:
            raise InvalidRequest(f"There is no source of uploads {source_id}.", field="source_id")
        copy = Path(settings.MEDIA_ROOT) / "incoming" / f"{uuid.uuid4().hex}.part"
        try:
            with path.open("rb") as file:
                room.require_room(path.stat().st_size)
                sha256 = uploads.copy_here(file, copy, on_progress)
            return take(
                copy,
                source=source,
                name=path.name,
                title=title,
                sha256=sha256,
                max_bytes=settings.HEADEND_MAX_UPLOAD_BYTES,
            )
        except OSError as error:
            raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", field="path") from error
        except MediaError as error:
            raise InvalidRequest(f"{path.name}: {error}", field="path", reason=error.code) from error
        finally:
            copy.unlink(missing_ok=True)
