"""The rows of what is to happen, is happening and happened."""

from orchestration.models.activity import Activity
from orchestration.models.blockers import Blocker
from orchestration.models.console import ChangeCount, KeptReport, Preferences, SavedView
from orchestration.models.factors import ExternalIdentity, RecoveryCode, SecondFactor
from orchestration.models.library import Attachment, Source, Video
from orchestration.models.notify import (
    Incident,
    Notification,
    NotificationAddress,
    NotificationRule,
    Silence,
)
from orchestration.models.plan import Conflict, Distribution, Schedule, Wave
from orchestration.models.pools import BudgetEntry, Lease, Pool
from orchestration.models.proposals import Proposal
from orchestration.models.refusals import Refusal
from orchestration.models.renditions import Profile, Rendition
from orchestration.models.repositories import RepositoryRecord
from orchestration.models.review import Approval
from orchestration.models.rollouts import Rollout, RolloutMember
from orchestration.models.seals import Seal, SealBlock
from orchestration.models.standing import CalendarAddress, StandingRule
from orchestration.models.statistics import VideoStatistics
from orchestration.models.system import (
    ApiToken,
    Heartbeat,
    IdempotencyRecord,
    RateCount,
    Restriction,
    SystemState,
)
from orchestration.models.uploads import Upload
from orchestration.models.webhooks import WebhookDelivery, WebhookEndpoint
from orchestration.models.work import Call, Job, OrphanUpload, WorkflowRun

__all__ = [
    "Activity",
    "ApiToken",
    "Approval",
    "Attachment",
    "Blocker",
    "BudgetEntry",
    "CalendarAddress",
    "Call",
    "ChangeCount",
    "Conflict",
    "Distribution",
    "ExternalIdentity",
    "Heartbeat",
    "IdempotencyRecord",
    "Incident",
    "Job",
    "KeptReport",
    "Lease",
    "Notification",
    "NotificationAddress",
    "NotificationRule",
    "OrphanUpload",
    "Pool",
    "Preferences",
    "Profile",
    "Proposal",
    "RateCount",
    "RecoveryCode",
    "Refusal",
    "Rendition",
    "RepositoryRecord",
    "Restriction",
    "Rollout",
    "RolloutMember",
    "SavedView",
    "Schedule",
    "Seal",
    "SealBlock",
    "SecondFactor",
    "Silence",
    "Source",
    "StandingRule",
    "SystemState",
    "Upload",
    "Video",
    "VideoStatistics",
    "Wave",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkflowRun",
]
