"""Other ways in than an open address: what opens a source, watched folders and object storage."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.core.permissions import action
from orchestration.models import Source
from orchestration.register import source_access, source_folders, source_storages
from orchestration.service.base import Door


class WaysIn(Door):
    """Other ways in than an open address: what opens a source, watched folders and object storage."""

    @action("operate")
    def add_folder_source(
        self,
        *,
        path: str = "",
        name: str = "",
        rights_basis: str = "",
        rights_note: str = "",
        language: str = "",
        keep_files: bool = True,
    ) -> Source:
        """Watch a folder, `inbox` in the data folder where none is named, and take in each film that is put there."""
        return source_folders.add(
            path=path,
            name=name,
            rights_basis=rights_basis,
            rights_note=rights_note,
            language=language,
            keep_files=keep_files,
        )

    @action("admin")
    def add_storage_source(
        self,
        *,
        endpoint: str,
        bucket: str,
        region: str = "",
        prefix: str = "",
        access_key: str = "",
        secret_key: str = "",
        name: str = "",
        rights_basis: str = "",
        rights_note: str = "",
        language: str = "",
    ) -> Source:
        """Register what lies under a prefix of a bucket, by the S3 protocol; its keys are sealed."""
        return source_storages.add(
            endpoint=endpoint,
            bucket=bucket,
            region=region,
            prefix=prefix,
            access_key=access_key,
            secret_key=secret_key,
            name=name,
            rights_basis=rights_basis,
            rights_note=rights_note,
            language=language,
        )

    @action("admin")
    def set_source_keys(
        self,
        *,
        source_id: int,
        access_key: str = "",
        secret_key: str = "",
        reason: str = "",
        version: int | None = None,
    ) -> Source:
        """Seal other keys of an object storage; what waited for them goes on."""
        return source_storages.set_keys(
            source_id, access_key=access_key, secret_key=secret_key, reason=reason, version=version
        )

    @action("admin")
    def set_source_access(
        self,
        *,
        source_id: int,
        username: str = "",
        password: str = "",
        cookies: str = "",
        headers: Sequence[str] = (),
        hosts: Sequence[str] = (),
        reason: str = "",
        version: int | None = None,
    ) -> Source:
        """Seal the login, cookies or headers that open a source, in place of what was; what waited for it goes on."""
        return source_access.set_access(
            source_id,
            username=username,
            password=password,
            cookies=cookies,
            headers=headers,
            hosts=hosts,
            reason=reason,
            version=version,
        )

    @action("admin")
    def remove_source_access(self, *, source_id: int, reason: str = "", version: int | None = None) -> Source:
        """Forget what opens a source."""
        return source_access.remove_access(source_id, reason=reason, version=version)
