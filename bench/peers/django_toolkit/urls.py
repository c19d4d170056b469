"""The one endpoint of django-oauth-toolkit that is measured, and what says that the server is there."""

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils.module_loading import import_string


def discovery(_: HttpRequest) -> JsonResponse:
    """An answer."""
    return JsonResponse({})


urlpatterns = [
    path("token", import_string("oauth2_provider.views.TokenView").as_view()),
    path(".well-known/openid-configuration", discovery),
]
