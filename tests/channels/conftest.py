"""What runs of a channel's workflow need: a repository with its secrets, and a room that takes their calls."""

import importlib.util
import sys

import pytest

from channels.gateways import readings
from channels.gateways.github import GitHubGateway
from channels.sandbox.seed import CLIENT_ID, CLIENT_SECRET, GITHUB_TOKEN, refresh_token, seed_demo
from tests.channels.run_helpers import AURORA
from tests.control_room import ControlRoom

SCRIPT = readings.TABLE.with_name("stage.py")


@pytest.fixture(scope="module")
def script():
    """Return the channel's script as a module; it is not run."""
    spec = importlib.util.spec_from_file_location("headend_stage_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)  # the template's folder is copied as it is
        spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def github(sandbox):
    seed_demo(sandbox.store)
    with sandbox.store.change("github") as held:
        for repository in held["repositories"].values():
            repository["variables"]["HEADEND_BACKOFF_SECONDS"] = "0.02"
    with GitHubGateway(GITHUB_TOKEN, sandbox.github_url) as gateway:
        number = gateway.repository(AURORA).id
        gateway.put_secret(AURORA, number, "YT_CLIENT_ID", CLIENT_ID)
        gateway.put_secret(AURORA, number, "YT_CLIENT_SECRET", CLIENT_SECRET)
        gateway.put_secret(AURORA, number, "YT_REFRESH_TOKEN", refresh_token("aurora"))
        yield gateway


@pytest.fixture
def room():
    with ControlRoom() as room:
        yield room
