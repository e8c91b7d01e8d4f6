"""Every address of the API."""

from django.urls import path

from family import views

urlpatterns = [
    path("api/health/", views.health),
    path("api/release/", views.release),
    path("api/heartbeat/", views.heartbeat),
    path("api/notes/", views.notes),
    path("api/tasks/", views.queue_task),
    path("api/tasks/<uuid:task_id>/", views.task),
    path("api/slow/", views.slow),
    path("api/uploads/", views.upload),
]
handler400 = "family.errors.bad_request"
handler404 = "family.errors.not_found"
handler500 = "family.errors.server_error"
