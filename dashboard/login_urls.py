"""The way in and out; these names carry no prefix, since Django's settings name them."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard.views.me import LogIn, SetPassword

urlpatterns = [
    path(
        "login/",
        LogIn.as_view(template_name="login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("set-password/<str:uidb64>/<str:token>/", SetPassword.as_view(), name="set_password"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
