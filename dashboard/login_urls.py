"""The way in and out; these names carry no prefix, since Django's settings name them."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard.views.log_in import LogIn, passkey_begin, passkey_login, second_step, sign_on, sign_on_done
from dashboard.views.me import SetPassword

urlpatterns = [
    path(
        "login/",
        LogIn.as_view(template_name="login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("login/second/", second_step, name="second_step"),
    path("login/passkey/begin/", passkey_begin, name="passkey_begin"),
    path("login/passkey/", passkey_login, name="passkey_login"),
    path("login/sign-on/", sign_on, name="sign_on"),
    path("login/sign-on/done/", sign_on_done, name="sign_on_done"),
    path("set-password/<str:uidb64>/<str:token>/", SetPassword.as_view(), name="set_password"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
