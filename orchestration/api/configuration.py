"""`/api/configuration`: the whole configuration as YAML, out and in."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from orchestration.api.auth import service
from orchestration.api.schemas.configuration import ConfigurationChangeOut, ConfigurationText

router = Router(tags=["configuration"])
YAML = "text/yaml"  # which generators of clients know as text


@router.get(
    "",
    response={200: None},
    operation_id="configuration_export",
    summary="Give the configuration as YAML",
    openapi_extra={"responses": {200: {"content": {YAML: {"schema": {"type": "string"}}}}}},
)
def configuration_export(request: HttpRequest):
    """All that is configured, without a secret: where one belongs stands the variable that it is taken from."""
    return file_of(service(request).export_configuration())


def file_of(text: str) -> HttpResponse:
    """Return the configuration as a file to be saved."""
    return HttpResponse(
        text,
        content_type=f"{YAML}; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="headend.yaml"'},
    )


@router.post(
    "",
    response=ConfigurationChangeOut,
    operation_id="configuration_apply",
    summary="Apply a configuration file",
)
def configuration_apply(request: HttpRequest, body: ConfigurationText):
    """A dry run, unless `dry_run` is false and `digest` that of the difference that was shown. All of it, or nothing."""
    door = service(request)
    if body.dry_run:
        return door.preview_configuration(text=body.text, prune=body.prune)
    return door.apply_configuration(text=body.text, digest=body.digest, prune=body.prune, reason=body.reason)
