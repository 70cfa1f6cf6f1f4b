"""Say what ends each condition that work waits for: one sentence and, where there is one, the page that explains it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TROUBLESHOOTING = "docs/troubleshooting.md#waiting-for-a-condition"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a person does about a condition."""

    title: str
    sentence: str
    link: str = TROUBLESHOOTING


_ANOTHER_AT_GITHUB = (
    "Put a token that is valid into GITHUB_TOKEN and restart Headend; its start looks at once."
)

REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        "credential_missing": Remedy("not connected", "Connect the channel with Google, on its page."),
        "credential_revoked": Remedy(
            "consent revoked", "Connect the channel with Google again, on its page; what waits then goes on."
        ),
        "wrong_channel": Remedy(
            "another channel's consent", "Connect the channel again and choose its own Google account."
        ),
        "youtube_signup_required": Remedy(
            "no YouTube channel", "Create a YouTube channel for this Google account, or connect another one."
        ),
        "permission_missing": Remedy(
            "permission missing",
            "Give what the sentence names: the scope at Google's consent page, or the token's permission at GitHub.",
        ),
        "no_oidc_token": Remedy(
            "no OIDC token", "Sync the channel's configuration, whose workflow asks for `id-token: write`."
        ),
        "client_refused": Remedy(
            "OAuth client refused",
            "Put the OAuth client's present id and secret into GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET and restart "
            "Headend. Channels need no new consent for a new secret.",
        ),
        "secret_unreadable": Remedy(
            "secret cannot be read",
            "Bring back the key it was sealed with (HEADEND_ENCRYPTION_KEYS), or connect the channel again; of a source, "
            "give it its access again, on its page.",
        ),
        "github_token_missing": Remedy("no GitHub token", _ANOTHER_AT_GITHUB),
        "github_token_refused": Remedy("GitHub token refused", _ANOTHER_AT_GITHUB),
        "github_app_refused": Remedy(
            "GitHub App refused",
            "Put the App's present id and key into GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY and restart Headend.",
        ),
        "github_app_not_installed": Remedy(
            "GitHub App not installed",
            "Install the App where the repository lies, and give it this repository.",
        ),
        "github_app_suspended": Remedy(
            "GitHub App suspended", "Have the repository's owner unsuspend the App in the settings at GitHub."
        ),
        "repository_missing": Remedy(
            "repository not found", "Correct the channel's repository, or give the token access to it."
        ),
        "repository_archived": Remedy(
            "repository archived", "Unarchive the repository at GitHub, or let our own workers stage."
        ),
        "repository_changed": Remedy(
            "another repository",
            "Name the channel's own repository, or confirm the new one by saving the channel.",
        ),
        "repository_public": Remedy(
            "public repository",
            "Make the repository private at GitHub, or acknowledge on the channel's page that it is public.",
        ),
        "repository_drifted": Remedy(
            "changed by hand",
            "Say on the channel's page whose version counts: overwrite theirs, or import it.",
        ),
        "branch_missing": Remedy(
            "branch not found",
            "Name the branch that exists now in the channel's settings, or take it over here.",
        ),
        "workflow_missing": Remedy(
            "workflow not found", "Sync the channel's configuration, which writes it."
        ),
        "workflow_disabled": Remedy(
            "workflow disabled", "Enable it again in the repository's Actions tab at GitHub."
        ),
        "workflow_unfit": Remedy(
            "workflow is not the template's",
            "Sync the configuration, which writes the workflow; one of your own takes the inputs of the template's.",
        ),
        "run_needs_approval": Remedy(
            "run needs approval",
            "Approve the run in the repository's Actions tab at GitHub, or remove the rule that asks for it.",
        ),
        "youtube_api_disabled": Remedy(
            "YouTube API not enabled",
            "Enable the YouTube Data API v3 in the Google project of the OAuth client.",
        ),
        "budget_exhausted": Remedy(
            "budget spent",
            "It is refilled at midnight Pacific time; raising the pool's capacity ends it at once.",
        ),
        "quota_exhausted": Remedy(
            "quota spent at YouTube", "YouTube refills it by itself; a larger quota is asked for at Google."
        ),
        "source_down": Remedy("source down", "See whether its address answers; it is tried again by itself."),
        "folder_unusable": Remedy(
            "folder unusable",
            "Make the folder readable and writable for Headend, or bring back the disk that it lies on.",
        ),
        "source_access_refused": Remedy(
            "source wants access",
            "Give the source a login, cookies or headers on its page, or new ones; where its files lie on another host, "
            "name that host there, too.",
        ),
        "disk_too_full": Remedy(
            "disk too full",
            "Free space on the disk of MEDIA_ROOT, set a shorter retention, or lower HEADEND_DISK_FLOOR_BYTES.",
        ),
        "storage_full": Remedy("disk full", "Free space on the disk that holds MEDIA_ROOT."),
    }
)
_UNKNOWN = Remedy("blocked", "Mend what the sentence names; one job is let try again and again meanwhile.")


def remedy_of(code: str) -> Remedy:
    """Return what ends a condition."""
    return REMEDIES.get(code, _UNKNOWN)
