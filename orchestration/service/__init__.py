"""The one way in (THE DOOR, in the design's words): every coordination action, whoever asks.

One class, its methods by subject in the modules beside this one.
"""

from __future__ import annotations

from orchestration.service.administration import Administration
from orchestration.service.bulk import Bulk
from orchestration.service.calendar import Calendar
from orchestration.service.channel_setup import ChannelSetup
from orchestration.service.channels import Channels
from orchestration.service.configuration import Configuration
from orchestration.service.control import Control
from orchestration.service.disk import Disk
from orchestration.service.groups import Groups
from orchestration.service.library import Library
from orchestration.service.notifications import Notifications
from orchestration.service.people import People
from orchestration.service.profiles import Profiles
from orchestration.service.proposals import Proposals
from orchestration.service.publication import Publication
from orchestration.service.record import Record
from orchestration.service.reviews import Reviews
from orchestration.service.runs import Runs
from orchestration.service.saved_views import SavedViews
from orchestration.service.set_up import SettingUp
from orchestration.service.shows import Shows
from orchestration.service.standing import Standing
from orchestration.service.uploads import Uploads
from orchestration.service.watching import Watching
from orchestration.service.ways_in import WaysIn
from orchestration.service.webhooks import Webhooks
from orchestration.service.words import Words
from orchestration.service.words_outside import WordsOnYouTube
from orchestration.service.work import Work


class CentralOrchestrationService(
    Control,
    Publication,
    Channels,
    ChannelSetup,
    Groups,
    Bulk,
    SavedViews,
    Library,
    Work,
    Runs,
    Notifications,
    Webhooks,
    WaysIn,
    Standing,
    Shows,
    Watching,
    Words,
    Uploads,
    WordsOnYouTube,
    Profiles,
    Disk,
    Reviews,
    People,
    Calendar,
    Administration,
    SettingUp,
    Record,
    Proposals,
    Configuration,
):
    """Coordinate all channels: what goes where and when, by which machinery, and what happened.

    Methods take ids and plain values, return the types of `orchestration.results` and raise those of
    `orchestration.errors`. A dry run writes nothing. All instants are aware.
    """
