"""Measure reads of the API against bare views of the same rows: same middleware, same index, as few words as Django allows.

    DATABASE_URL=postgres://… .venv/bin/python tests/benchmarks/bench_api.py [--rounds 60]

Makes a scratch database beside the named one, plans a wave of 100 videos on 100 channels in it, and removes it. A bare
view reads one page of a table's own columns in the order of an index and answers them as JSON, behind all of Headend's
middleware; it knows no tokens, no filters, no links, no permissions by channel and no actions. Both are asked in turn, in
one process. Figures with machine and date are kept in docs/performance.md.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.bench_engine import SERVICE, channels, fresh, videos  # isort: skip - sets Django up

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection, models
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings, setup_databases, teardown_databases
from django.urls import path
from django.utils import timezone

from channels.models import Channel
from config import urls
from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.models import Activity, Distribution, Schedule, Video
from orchestration.register import tokens

LISTS: dict[str, tuple[type[models.Model], str]] = {
    "channels": (Channel, "pk"),
    "videos": (Video, "-pk"),
    "schedules": (Schedule, "publish_at"),
    "distributions": (Distribution, "-pk"),
    "activity": (Activity, "-pk"),
}
PAGE = 50


def bare(model: type[models.Model], order: str) -> Callable[[HttpRequest], JsonResponse]:
    """Return a view that answers one page of a table and knows nothing else."""

    @login_not_required
    def view(_request: HttpRequest) -> JsonResponse:
        return JsonResponse({"items": list(model._default_manager.order_by(order).values()[:PAGE])})

    return view


def addresses() -> ModuleType:
    """Return Headend's addresses with the bare ones before them."""
    module = ModuleType("bench_addresses")
    names = [path(f"bare/{name}", bare(*of)) for name, of in LISTS.items()]
    module.urlpatterns = [*names, *urls.urlpatterns]  # type: ignore[attr-defined]
    return module


def measure(asks: list[Callable[[], object]], rounds: int) -> list[tuple[float, float]]:
    """Return for each call the medians of its milliseconds on the clock and of a processor, asked in turn."""
    taken: list[list[tuple[float, float]]] = [[] for _ in asks]
    for number in range(rounds + 5):
        for ask, times in zip(asks, taken, strict=True):
            began, worked = time.perf_counter(), time.process_time()
            ask()
            if number >= 5:  # warm
                times.append((1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)))
    return [
        (statistics.median(t for t, _ in times), statistics.median(c for _, c in times)) for times in taken
    ]


def main() -> None:
    """Fill a scratch database, and print a line for each list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    settings.LOGGING_CONFIG = None
    kept = setup_databases(verbosity=0, interactive=False)
    try:
        fresh()
        SERVICE.schedule_wave_publication(
            video_ids=videos(100), channel_ids=channels(100),
            scheduled_at=timezone.now() + timedelta(days=1), acknowledge_policy=True,
        )  # fmt: skip
        header = {"HTTP_AUTHORIZATION": f"Bearer {tokens.issue(name='bench', scope='read')[1]}"}
        client = Client(HTTP_HOST="localhost")
        print(
            f"{'list':16} {'API ms, CPU, statements':>28} {'bare ms, CPU, statements':>28} {'ratio, CPU':>12}"
        )
        with override_settings(ROOT_URLCONF=addresses(), HEADEND_API_PER_MINUTE=0):
            for name in LISTS:
                asks, counts = [], []
                for address in (f"/api/{name}?limit={PAGE}", f"/bare/{name}"):
                    with CaptureQueriesContext(connection) as made:
                        answer = client.get(address, **header)
                    if answer.status_code != 200 or len(answer.json()["items"]) < min(PAGE, 2):
                        raise SystemExit(f"{address} answered {answer.status_code}")
                    counts.append(len(made))
                    asks.append(lambda address=address: client.get(address, **header))
                (api, api_cpu), (floor, floor_cpu) = measure(asks, options.rounds)
                ours = f"{api:.1f}, {api_cpu:.1f}, {counts[0]}"
                theirs = f"{floor:.1f}, {floor_cpu:.1f}, {counts[1]}"
                print(
                    f"{name:16} {ours:>28} {theirs:>28} {api / floor:5.1f}, {api_cpu / floor_cpu:.1f}",
                    flush=True,
                )
    finally:
        connection.close()
        teardown_databases(kept, verbosity=0)


if __name__ == "__main__":
    this_process_acts_as(Acting("a benchmark"))
    main()
