"""Errors as JSON, without details that belong in the log."""

from django.http import HttpRequest, JsonResponse


def error(status: int, message: str) -> JsonResponse:
    return JsonResponse({"error": message}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return error(400, "bad request")


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return error(404, "no such address")


def server_error(request: HttpRequest) -> JsonResponse:
    return error(500, "something went wrong here; the log says what")
