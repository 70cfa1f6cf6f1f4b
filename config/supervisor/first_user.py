"""Make the first user of an installation."""

import secrets

from django.contrib.auth import get_user_model
from django.db import IntegrityError

FIRST_USER = "admin"
# Without letters and digits that look alike, for the password is read off a screen.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def make_first_user() -> str | None:
    """Make the user `admin` where no administrator exists yet, and return the password; else return None.

    The password is made for this installation and kept as a hash only: whoever has lost it sets another one
    with `manage.py changepassword admin`.
    """
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    password = "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))
    try:
        users.create_superuser(FIRST_USER, email="", password=password)
    except IntegrityError:  # a user of that name exists and was made an ordinary one, on purpose
        return None
    return password
