"""The WSGI application that granian serves; see docs/decisions/0002-web-server.md."""

import multiprocessing
import os
import threading
import time

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

LOOK_SECONDS = 0.5


def end_with_parent(parent: int) -> None:
    """End this process soon after its parent has ended, however that came.

    granian's worker else goes on listening when its parent was killed, and takes a share of the requests from the web
    server that was started in its place, after an upgrade with the old code. Not PR_SET_PDEATHSIG: that fires at the end of
    the thread which made the worker, whichever that was.
    """
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


if (server := multiprocessing.parent_process()) is not None:
    threading.Thread(target=end_with_parent, args=(server.pid,), name="parent watch", daemon=True).start()

application = get_wsgi_application()
