"""Make the first user of an installation."""

import secrets

from django.contrib.auth import get_user_model

from orchestration.core import audit
from orchestration.core.permissions import give_level
from orchestration.register import password_links
from orchestration.states import Trigger

FIRST_USER = "admin"
# Without letters and digits that look alike, for the password is read off a screen.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def make_link() -> str:
    """Return the path of a link by which the first user chooses a password, once, within a day; shown to nobody else."""
    user = get_user_model().objects.get(username=FIRST_USER)
    with audit.acting_as(audit.Acting("up", None, Trigger.CLI)):
        return password_links.make(user.pk, reason="the first start").path


def make_first_user() -> str | None:
    """Make the user `admin` where no owner exists yet, and return the password; else return None.

    The password is made for this installation and kept as a hash only: whoever has lost it sets another one
    with `manage.py changepassword admin`.
    """
    users = get_user_model().objects
    # An ordinary user of that name was made so on purpose, and stays one.
    if users.filter(is_superuser=True).exists() or users.filter(username=FIRST_USER).exists():
        return None
    password = "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))
    give_level(users.create_superuser(FIRST_USER, email="", password=password), "own")
    return password
