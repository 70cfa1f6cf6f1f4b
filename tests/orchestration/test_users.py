"""Who may log in: levels, passwords, links, sessions, lockouts; and nobody can lock everybody out."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from orchestration.core.permissions import Actor
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound, NotPermitted
from orchestration.models import Activity, ApiToken, Preferences
from orchestration.register import password_links, sessions, users
from orchestration.service import CentralOrchestrationService
from tests import factories
from tests.orchestration.engine import together

pytestmark = pytest.mark.django_db
GOOD = "a horse that is correct"


@pytest.fixture
def ada():
    return factories.UserFactory(admin=True, username="ada")


def door(user) -> CentralOrchestrationService:
    """Return the service as a person."""
    return CentralOrchestrationService(actor=Actor.of_user(user))


def logged_in(user) -> Client:
    """Return a browser in which somebody is logged in."""
    client = Client()
    client.force_login(user)
    return client


def lets_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


ADMINISTRATION = {
    "get_users": {},
    "get_user": {"user_id": 1},
    "add_user": {"username": "x", "level": "read"},
    "change_user": {"user_id": 1, "level": "admin"},
    "set_user_password": {"user_id": 1, "password": GOOD},
    "make_password_link": {"user_id": 1},
    "deactivate_user": {"user_id": 1},
    "reactivate_user": {"user_id": 1},
    "end_user_sessions": {"user_id": 1},
    "get_lockouts": {},
    "lift_lockout": {"username": "x"},
    "get_tokens": {},
    "make_token": {"name": "x", "scope": "read"},
    "rename_token": {"token_id": 1, "name": "x"},
    "revoke_token": {"token_id": 1},
}


@pytest.mark.parametrize("method", ADMINISTRATION)
def test_an_operator_administers_nobody(method):
    olga = door(factories.UserFactory(operator=True))
    with pytest.raises(NotPermitted):
        getattr(olga, method)(**ADMINISTRATION[method])


def test_a_person_is_added_and_the_log_names_level_and_no_password(ada):
    row = door(ada).add_user(username="olga", level="operate", full_name="Olga O. Oak", password=GOOD)
    user = get_user_model().objects.get(username="olga")
    assert (row.level, user.is_staff, user.is_superuser, user.last_name) == (
        "operate",
        False,
        False,
        "O. Oak",
    )
    assert user.check_password(GOOD)
    entry = Activity.objects.get(verb="user_added")
    assert (entry.actor_label, entry.after["level"]) == ("ada", "operate")
    assert GOOD not in str(Activity.objects.values()) and user.password not in str(Activity.objects.values())


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "ada"}, "username"),
        ({"username": "two words"}, "username"),
        ({"username": ""}, "username"),
        ({"level": "root"}, "level"),
        ({"password": "password123"}, "password"),
        ({"password": "short"}, "password"),
        ({"email": "nowhere"}, "email"),
    ],
)
def test_what_cannot_be_is_refused_by_field(ada, values, field):
    with pytest.raises(InvalidRequest) as refused:
        door(ada).add_user(**{"username": "olga", "level": "read"} | values)
    assert refused.value.field == field
    assert get_user_model().objects.count() == 1


def test_nobody_takes_away_the_last_administrator_or_themselves(ada):
    bea = factories.UserFactory(admin=True, username="bea", is_active=False)
    cli = CentralOrchestrationService(actor=Actor.system("cli:root"))
    for call in (
        lambda: door(ada).deactivate_user(user_id=ada.pk),
        lambda: door(ada).change_user(user_id=ada.pk, level="read"),
        lambda: cli.deactivate_user(user_id=ada.pk),
        lambda: cli.change_user(user_id=ada.pk, level="operate"),
    ):
        with pytest.raises(IllegalTransition):
            call()
    assert "last active owner" in cli.get_user(user_id=ada.pk).why_kept
    assert cli.get_user(user_id=ada.pk).actions == ()
    door(ada).reactivate_user(user_id=bea.pk)
    assert cli.deactivate_user(user_id=ada.pk).state == "deactivated"


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_take_each_other_away():
    rows = [factories.UserFactory(admin=True) for _ in range(2)]
    pairs = [(rows[0], rows[1]), (rows[1], rows[0])]
    answers = together(*[lambda a=a, b=b: door(a).deactivate_user(user_id=b.pk) for a, b in pairs])
    assert get_user_model().objects.filter(is_superuser=True, is_active=True).count() == 1
    assert sum(isinstance(answer, IllegalTransition) for answer in answers) == 1, answers


def test_a_new_password_ends_every_session_that_knew_the_old_one(ada):
    olga = factories.UserFactory(username="olga")
    browsers = [logged_in(olga), logged_in(olga)]
    other = logged_in(ada)
    assert door(ada).get_user(user_id=olga.pk).sessions == 2
    door(ada).set_user_password(user_id=olga.pk, password=GOOD)
    assert [lets_in(browser) for browser in browsers] == [False, False]
    assert lets_in(other)
    assert sessions.count(olga.pk) == 0
    with pytest.raises(InvalidRequest, match="own page"):
        door(ada).set_user_password(user_id=ada.pk, password=GOOD)


def test_who_is_shut_out_is_out_and_old_sessions_do_not_come_back(ada):
    olga = factories.UserFactory(username="olga")
    factories.CalendarAddressFactory(user=olga)
    browser = logged_in(olga)
    assert door(ada).deactivate_user(user_id=olga.pk, reason="left").state == "deactivated"
    assert not lets_in(browser)
    with pytest.raises(IllegalTransition):
        door(ada).deactivate_user(user_id=olga.pk)
    door(ada).reactivate_user(user_id=olga.pk)
    assert not lets_in(browser)
    entry = Activity.objects.get(verb="user_deactivated")
    assert (entry.reason, entry.after["sessions_ended"]) == ("left", 1)


def test_a_level_is_changed_and_said(ada):
    olga = factories.UserFactory(username="olga")
    row = door(ada).change_user(user_id=olga.pk, level="admin")
    assert row.level == "admin"
    entry = Activity.objects.get(verb="user_changed")
    assert (entry.before["level"], entry.after["level"]) == ("read", "admin")
    with pytest.raises(NotFound):
        door(ada).change_user(user_id=10**9, level="read")


def test_ones_own_password_asks_for_the_present_one(ada):
    here, there = logged_in(ada), logged_in(ada)
    with pytest.raises(InvalidRequest) as refused:
        door(ada).set_own_password(current="wrong", password=GOOD)
    assert refused.value.field == "current"
    answer = here.post(
        "/me/set-password/", {"current": "correct horse battery staple", "password": GOOD, "again": GOOD}
    )
    assert answer.status_code == 302
    assert (lets_in(here), lets_in(there)) == (True, False)
    assert Activity.objects.get(verb="user_password_set").after["how"] == "by themselves"


def test_a_token_is_no_person_with_a_password():
    asked = CentralOrchestrationService(actor=Actor.of_token(factories.ApiTokenFactory(scope="admin")))
    assert asked.get_me().user_id is None
    for call in (
        lambda: asked.set_own_password(current="x", password=GOOD),
        lambda: asked.set_own_timezone(timezone="UTC"),
        lambda: asked.use_password_link(token="x", password=GOOD),
    ):
        with pytest.raises(NotPermitted):
            call()


def test_ones_own_clock_is_a_zone(ada):
    assert door(ada).set_own_timezone(timezone="Europe/Berlin") == "Europe/Berlin"
    assert Preferences.objects.get().user == ada
    with pytest.raises(InvalidRequest) as refused:
        door(ada).set_own_timezone(timezone="Mars/Base")
    assert refused.value.field == "timezone"
    assert door(ada).set_own_timezone(timezone="") == ""


# ---------------------------------------------------------------------------------------------------------------- links


def test_a_link_opens_once_and_sets_the_password_that_was_chosen(ada):
    olga_id = door(ada).add_user(username="olga", level="read").id
    made = door(ada).make_password_link(user_id=olga_id)
    assert made.path not in str(Activity.objects.values())
    stranger = Client()
    form = stranger.get(made.path)
    assert form.status_code == 302, "the secret leaves the address"
    at = form.headers["Location"]
    assert (
        "too common" in stranger.post(at, {"password": "password12", "again": "password12"}).content.decode()
    )
    assert "differ" in stranger.post(at, {"password": GOOD, "again": f"{GOOD}!"}).content.decode()
    assert stranger.post(at, {"password": GOOD, "again": GOOD}).headers["Location"] == "/login/"
    assert stranger.login(username="olga", password=GOOD, request=stranger.get("/login/").wsgi_request)
    assert "opens nothing" in Client().get(made.path, follow=True).content.decode()
    entry = Activity.objects.get(verb="user_password_set")
    assert (entry.actor_label, entry.after["how"]) == ("olga", "link")


def test_a_link_of_somebody_shut_out_opens_nothing(ada):
    olga = factories.UserFactory(username="olga")
    token = password_links.make(olga.pk).path.split("/")[-2]
    users.switch(olga.pk, active=False)
    with pytest.raises(NotPermitted):
        password_links.use(olga, token, GOOD)
    with pytest.raises(IllegalTransition):
        door(ada).make_password_link(user_id=olga.pk)


# ------------------------------------------------------------------------------------------------------------- lockouts


def test_a_lockout_is_shown_and_lifted(ada):
    olga = factories.UserFactory(username="olga")
    browser = Client()
    for _ in range(8):
        browser.post("/login/", {"username": "olga", "password": "wrong"})
    assert browser.post("/login/", {"username": "olga", "password": "wrong"}).status_code == 429
    (row,) = door(ada).get_lockouts()
    assert (row.username, row.address) == ("olga", "127.0.0.1")
    assert row.until > timezone.now()
    assert door(ada).lift_lockout(username="olga") == 1
    answer = browser.post("/login/", {"username": "olga", "password": "correct horse battery staple"})
    assert answer.status_code == 302
    assert Activity.objects.get(verb="lockout_lifted").after["username"] == "olga"
    with pytest.raises(NotFound):
        door(ada).lift_lockout(username="olga")
    assert olga.is_active


# --------------------------------------------------------------------------------------------------------------- tokens


def test_a_token_that_expired_opens_nothing_and_can_still_be_revoked(ada):
    made = door(ada).make_token(name="ci", scope="read", expires_at=factories.in_(hours=1))
    assert made.token.created_by == ada
    assert made.text not in str(Activity.objects.values())
    ApiToken.objects.update(expires_at=factories.in_(hours=-1))
    from orchestration.register import tokens

    assert tokens.verify(made.text) is None
    assert ApiToken.objects.get().state == "expired"
    assert door(ada).revoke_token(token_id=made.token.pk).state == "revoked"
    with pytest.raises(InvalidRequest) as refused:
        door(ada).make_token(name="late", scope="read", expires_at=factories.in_(hours=-1))
    assert refused.value.field == "expires_at"


def test_a_token_is_renamed_unless_its_name_was_used_before(ada):
    made = door(ada).make_token(name="ci", scope="read")
    factories.ApiTokenFactory(name="deploy")
    assert door(ada).rename_token(token_id=made.token.pk, name="build").name == "build"
    with pytest.raises(InvalidRequest):
        door(ada).rename_token(token_id=made.token.pk, name="deploy")
    door(ada).revoke_token(token_id=made.token.pk)
    with pytest.raises(IllegalTransition):
        door(ada).rename_token(token_id=made.token.pk, name="gone")
