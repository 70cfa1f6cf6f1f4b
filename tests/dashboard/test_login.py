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


def test_a_button_pressed_after_the_session_ended_leads_back_to_its_page(client, scene):
    wave = f"/waves/{scene['wave'].pk}/"
    answer = client.post(f"{wave}recall/", headers={"Referer": f"http://testserver{wave}"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login/?next={wave}")
    for elsewhere in ("http://evil.example/", f"http://testserver{wave}recall/", ""):
        answer = client.post(f"{wave}recall/", headers={"Referer": elsewhere})
        assert answer.headers["Location"] == "/login/?next=/"


def test_the_address_of_a_button_opened_as_a_page_says_what_it_is(console, scene):
    answer = console.get(f"/waves/{scene['wave'].pk}/recall/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "Nothing was changed" in answer.content.decode()


def test_too_many_wrong_passwords_are_said_with_how_long_to_wait(client, db, settings):
    settings.AXES_ENABLED = True
    factories.UserFactory(username="nora")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post("/login/", {"username": "nora", "password": "nope"})
    assert answer.status_code == 429
    assert "Wait 15 min" in answer.content.decode()
    assert "headend.css" in answer.content.decode()


def test_an_old_form_is_refused_with_a_page_that_says_so(operator):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    answer = browser.post("/start/")
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()
