"""`/api/channels/{id}/repository`: what Headend keeps in a channel's repository, and what was decided about it."""

from django.http import HttpRequest
from ninja import Path, Router, Status

from orchestration.api.auth import service
from orchestration.api.schemas.register import ChannelOut
from orchestration.api.schemas.repositories import (
    AcknowledgePublic,
    Provision,
    ProvisionOut,
    RepositoryOut,
    ResolveDrift,
)
from orchestration.api.schemas.requests import Failover
from orchestration.fields import Id

router = Router(tags=["channels"])


@router.get(
    "/{channel_id}/repository",
    response=RepositoryOut,
    operation_id="channels_repository",
    summary="Show what is known of a channel's repository",
)
def channels_repository(request: HttpRequest, channel_id: Path[Id]):
    """What was last written there and what was acknowledged, by our record: GitHub is not asked."""
    return service(request).get_repository(channel_id=channel_id)


@router.post(
    "/{channel_id}/repository/acknowledge-public",
    response=RepositoryOut,
    operation_id="channels_acknowledge_public",
    summary="Acknowledge that a channel's repository is public",
)
def channels_acknowledge_public(request: HttpRequest, channel_id: Path[Id], body: AcknowledgePublic):
    """Without it nothing is staged in a public repository, whose runs' job sheets everybody can read."""
    return service(request).acknowledge_public_repository(channel_id=channel_id, **body.model_dump())


@router.post(
    "/{channel_id}/repository/resolve",
    response=RepositoryOut,
    operation_id="channels_resolve_drift",
    summary="Settle what was changed by hand in a channel's repository",
)
def channels_resolve_drift(request: HttpRequest, channel_id: Path[Id], body: ResolveDrift):
    """All that the last look found; the sync that stopped then goes on."""
    return service(request).resolve_repository_drift(channel_id=channel_id, **body.model_dump())


@router.post(
    "/{channel_id}/failover",
    response=ChannelOut,
    operation_id="channels_failover",
    summary="Let our workers stage what GitHub will not stage in time, or not",
)
def channels_failover(request: HttpRequest, channel_id: Path[Id], body: Failover):
    """The next publications go to GitHub all the same."""
    return service(request).set_failover(channel_id=channel_id, **body.model_dump())


@router.post(
    "/{channel_id}/repository/provision",
    response={200: ProvisionOut, 202: ProvisionOut},
    operation_id="channels_provision",
    summary="Create or adopt a channel's repository",
)
def channels_provision(request: HttpRequest, channel_id: Path[Id], body: Provision):
    """200 with each file's difference for a dry run; else 202, and a sync job writes it."""
    result = service(request).provision_repository(channel_id=channel_id, **body.model_dump())
    return Status(200 if body.dry_run else 202, result)
