"""Keys are replaced while everything runs: a new one is added, what is stored is encrypted anew, the old one is dropped."""

import io
import json

import pytest
from django.apps import apps
from django.conf import settings as live
from django.core.management import CommandError, call_command

from channels import secrets
from channels.models import Credential
from config import keys
from orchestration.errors import InvalidRequest, NotPermitted
from orchestration.models import Activity
from orchestration.register import sealed
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


@pytest.fixture
def key_file(tmp_path, settings, monkeypatch):
    """An installation that keeps its keys in files."""
    settings.HEADEND_DATA_DIR = tmp_path
    path = tmp_path / "keys" / "encryption_key"
    keys.read_or_make(path, keys.make_encryption_key)
    keys.read_or_make(tmp_path / "keys" / "secret_key", keys.make_secret_key)
    settings.HEADEND_ENCRYPTION_KEYS = keys.KeyFile(path)
    return path


def rotate(*words: str) -> dict:
    out = io.StringIO()
    call_command("rotate_keys", *words, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def everything_sealed() -> dict[str, str]:
    """Fill every sealed field, and return what is in it by what its seal is bound to."""
    credential = factories.CredentialFactory()
    source, address = factories.SourceFactory(), factories.NotificationAddressFactory()
    distribution, endpoint = factories.DistributionFactory(), factories.WebhookEndpointFactory()
    factor = factories.SecondFactorFactory()
    rows = {
        Credential: credential,
        type(factor): factor,
        type(source): source,
        type(address): address,
        type(distribution): distribution,
        type(endpoint): endpoint,
    }
    plain = {}
    for one in sealed.FIELDS:
        row = rows[one.model]
        plain[one.bound_to(row)] = f"secret of {one.label}"
        stored = secrets.encrypt(plain[one.bound_to(row)], bound_to=one.bound_to(row))
        one.model._base_manager.filter(pk=row.pk).update(**{one.name: stored})
    return plain


def opened() -> dict[str, str]:
    return {
        one.bound_to(row): secrets.decrypt(getattr(row, one.name), bound_to=one.bound_to(row))
        for one in sealed.FIELDS
        for row in sealed._rows(one, 1)
    }


def test_every_sealed_field_of_every_model_is_known():
    stored = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.name.endswith("_sealed")
    }
    assert {(one.model, one.name) for one in sealed.FIELDS} == stored


def test_a_whole_rotation_loses_nothing_and_ends_with_one_key(key_file):
    plain = everything_sealed()
    old = keys.lines_of(key_file)[0]
    rotate("new", "encryption")
    assert opened() == plain, "a process that runs cannot read what it had stored"
    assert rotate("reseal", "--dry-run") == {"waiting": len(plain), "unreadable": 0}
    with pytest.raises(CommandError, match=f"{len(plain)} values are still encrypted with a former key"):
        rotate("drop", "encryption")

    assert rotate("reseal", "--reason", "yearly")["done"] == len(plain)
    assert {row["place"] for row in rotate("show")["sealed"]} == {1}
    assert rotate("reseal")["current"] == len(plain), "made again, nothing is left to do"
    assert rotate("drop", "encryption") == {"dropped": 1}

    assert opened() == plain
    assert old not in key_file.read_text() and key_file.stat().st_mode & 0o777 == 0o600
    told = [
        (entry.verb, entry.after, entry.actor_label)
        for entry in Activity.objects.filter(verb__endswith="_keys")
    ]
    assert [after["what"] for _, after, _ in reversed(told)] == ["added", "dropped 1 former"]
    assert all(actor for _, _, actor in told)
    entry = Activity.objects.get(verb="reseal_secrets")
    assert (entry.after["done"], entry.reason) == (len(plain), "yearly")
    assert not any(line in repr(entry.after) for line in (old, key_file.read_text().strip()))


def test_a_rotation_that_was_broken_off_goes_on_where_it_ended(key_file, monkeypatch):
    for _ in range(5):
        factories.CredentialFactory()
    rotate("new", "encryption")
    seal, done = sealed._reseal_one, []

    def dies(*arguments):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(seal(*arguments))

    with monkeypatch.context() as patch:
        patch.setattr(sealed, "_reseal_one", dies)
        with pytest.raises(KeyboardInterrupt):
            door("admin").reseal_secrets(batch=2)
    told = door("admin").reseal_secrets(batch=2)
    assert (told.current, told.unreadable) == (3, [])
    assert told.done == 7


def test_a_secret_that_is_stored_meanwhile_stays(key_file, monkeypatch):
    credential = factories.CredentialFactory()
    rotate("new", "encryption")
    decrypt = secrets.decrypt

    def overtaken(stored, *, bound_to):
        if bound_to == credential.bound_to("refresh_token"):
            fresh = secrets.encrypt("entered just now", bound_to=bound_to)
            Credential.objects.filter(pk=credential.pk).update(refresh_token_sealed=fresh)
        return decrypt(stored, bound_to=bound_to)

    monkeypatch.setattr(secrets, "decrypt", overtaken)
    door("admin").reseal_secrets()
    monkeypatch.undo()
    credential.refresh_from_db()
    assert credential.refresh_token == "entered just now"


def test_what_no_key_opens_is_named_and_left(key_file):
    credential = factories.CredentialFactory()
    keys.write_lines(key_file, [keys.make_encryption_key()])
    told = door("admin").reseal_secrets()
    assert told.unreadable == [credential.bound_to("client_secret"), credential.bound_to("refresh_token")]
    with pytest.raises(SystemExit):
        rotate("reseal")


def test_a_key_of_the_environment_is_made_and_nothing_is_changed(settings):
    settings.SETTINGS_READ = {}
    made = rotate("new", "encryption")
    assert keys.check_encryption_keys([made["key"]]) and made["setting"] == "HEADEND_ENCRYPTION_KEYS"
    assert "GITHUB_WEBHOOK_SECRET_FALLBACKS" in rotate("new", "webhook")["next"]
    with pytest.raises(CommandError, match="HEADEND_ENCRYPTION_KEYS is set by you"):
        rotate("drop", "encryption")
    assert not Activity.objects.exists()


def test_the_secret_key_gets_a_successor_and_stays_good_until_it_is_dropped(key_file):
    path = live.HEADEND_DATA_DIR / "keys" / "secret_key"
    former = path.read_text().strip()
    rotate("new", "secret")
    assert len(keys.lines_of(path)) == 2 and keys.lines_of(path)[1] == former
    rotate("drop", "secret")
    assert len(keys.lines_of(path)) == 1 and former not in path.read_text()


def test_only_an_administrator_reseals_and_a_batch_is_a_number(key_file):
    with pytest.raises(NotPermitted):
        door("operate").reseal_secrets()
    with pytest.raises(InvalidRequest) as refused:
        door("admin").reseal_secrets(batch=0)
    assert refused.value.field == "batch"


def test_a_key_file_that_goes_away_leaves_the_process_with_the_keys_it_has(key_file):
    before = list(live.HEADEND_ENCRYPTION_KEYS)
    key_file.rename(key_file.with_name("away"))
    assert list(live.HEADEND_ENCRYPTION_KEYS) == before
