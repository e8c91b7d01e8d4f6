"""Tables that cannot grow: a fridge door has a hundred places for a note, and the heartbeat is one row."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.utils import timezone

PLACES = 100
TEXT_LENGTH = 200


class Note(models.Model):
    """A note on one of the fridge door's places. Writing to a place again replaces its text and counts the write."""

    number = models.PositiveSmallIntegerField(
        primary_key=True, validators=[MinValueValidator(1), MaxValueValidator(PLACES)]
    )
    text = models.CharField(max_length=TEXT_LENGTH)
    writes = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("-updated_at",)

    @staticmethod
    def write(number: int, text: str) -> int:
        """Put `text` on place `number`; how often this place has been written. One statement, so no write is lost."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO family_note (number, text, writes, updated_at) VALUES (%s, %s, 1, %s) "
                "ON CONFLICT (number) DO UPDATE SET text = excluded.text, writes = family_note.writes + 1, "
                "updated_at = excluded.updated_at RETURNING writes",
                [number, text, timezone.now()],
            )
            return int(cursor.fetchone()[0])


class Heartbeat(models.Model):
    """One row: how often beat has beaten, through broker, worker and database, and when last."""

    count = models.PositiveBigIntegerField(default=0)
    beat_at = models.DateTimeField()

    @staticmethod
    def beat() -> None:
        now = timezone.now()
        Heartbeat.objects.update_or_create(
            pk=1, defaults={"count": models.F("count") + 1, "beat_at": now}, create_defaults={"count": 1, "beat_at": now}
        )
