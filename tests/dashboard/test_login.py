"""The way in and out."""

from tests import factories


def test_a_user_logs_in_and_lands_where_they_wanted_to_go(client, db):
    factories.UserFactory(username="nora")
    page = client.get("/login/?next=/jobs/")
    assert 'name="next" value="/jobs/"' in page.content.decode()
    answer = client.post(
        "/login/", {"username": "nora", "password": "correct horse battery staple", "next": "/jobs/"}
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/jobs/")
    assert client.get("/jobs/").status_code == 200


def test_a_wrong_password_is_said_without_saying_which_half_was_wrong(client, db):
    factories.UserFactory(username="nora")
    answer = client.post("/login/", {"username": "nora", "password": "nope"})
    assert answer.status_code == 200
    assert "enter a correct username and password" in answer.content.decode()


def test_logging_out_takes_post_and_ends_the_session(console):
    assert console.get("/logout/").status_code == 405
    assert console.post("/logout/").status_code == 302
    assert console.get("/").status_code == 302


def test_an_old_form_is_refused_with_a_page_that_says_so(operator):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    answer = browser.post("/start/")
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()
