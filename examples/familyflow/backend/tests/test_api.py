"""The API without any server: SQLite in memory, tasks run where they are queued."""

import json
from unittest import mock

from django.test import SimpleTestCase, TestCase, override_settings

from family import checks, storage, tasks
from family.models import PLACES, Note


class Notes(TestCase):
    def write(self, **body):
        return self.client.post("/api/notes/", json.dumps(body), content_type="application/json")

    def test_writing_to_a_place_again_replaces_its_text_and_counts_the_write(self):
        self.assertEqual(self.write(number=7, text="milk").json(), {"number": 7, "writes": 1})
        self.assertEqual(self.write(number=7, text="bread").json(), {"number": 7, "writes": 2})
        self.assertEqual(Note.objects.get().text, "bread")
        self.assertEqual(self.client.get("/api/notes/").json()["writes"], 2)

    def test_a_note_off_the_door_or_without_text_is_refused_in_words(self):
        for body in ({"number": 0, "text": "x"}, {"number": PLACES + 1, "text": "x"}, {"number": True, "text": "x"}):
            self.assertIn("number", self.write(**body).json()["error"])
        for text in ("", " ", "x" * 201, None, "a\x00b"):
            self.assertIn("text", self.write(number=1, text=text).json()["error"])

    def test_what_is_not_json_is_refused(self):
        self.assertEqual(self.client.post("/api/notes/", "{", content_type="application/json").status_code, 400)
        self.assertEqual(self.client.post("/api/notes/", {"number": "1"}).status_code, 400)
        self.assertEqual(self.client.delete("/api/notes/").status_code, 405)


class Tasks(TestCase):
    def queue(self, **body):
        return self.client.post("/api/tasks/", json.dumps(body), content_type="application/json")

    def test_a_queued_summary_gives_its_result(self):
        Note.write(1, "two words")
        queued = self.queue(kind="summary")
        self.assertEqual(queued.status_code, 202)
        answer = self.client.get(f"/api/tasks/{queued.json()['id']}/").json()
        self.assertEqual(answer["state"], "SUCCESS")
        self.assertEqual((answer["result"]["notes"], answer["result"]["words"]), (1, 2))

    def test_a_slow_task_is_bounded(self):
        self.assertEqual(self.queue(kind="slow", seconds=26).status_code, 400)
        self.assertEqual(self.queue(kind="slow", seconds="nan").status_code, 400)
        self.assertEqual(self.queue(kind="slow", seconds=0).status_code, 202)

    def test_an_unknown_kind_or_address_is_refused_as_json(self):
        self.assertEqual(self.queue(kind="other").status_code, 400)
        self.assertEqual(self.client.get("/api/nothing/").json(), {"error": "no such address"})


class HeartbeatRow(TestCase):
    def test_each_beat_counts_one(self):
        self.assertIsNone(self.client.get("/api/heartbeat/").json()["beat_at"])
        tasks.heartbeat()
        tasks.heartbeat()
        answer = self.client.get("/api/heartbeat/").json()
        self.assertEqual(answer["count"], 2)
        self.assertLess(answer["age_seconds"], 60)


class HealthEndpoint(SimpleTestCase):
    def test_it_names_the_service_that_does_not_answer_and_no_detail_of_the_error(self):
        def broken():
            raise ConnectionError("redis://:hunter2@cache")

        found = checks.Health({"database": lambda: None, "redis": broken})
        with mock.patch.object(checks, "backing_services", found):
            answer = self.client.get("/api/health/")
        self.assertEqual(answer.status_code, 503)
        self.assertEqual(answer.json()["checks"], {"database": "ok", "redis": "ConnectionError"})
        self.assertNotIn("hunter2", answer.content.decode())

    def test_a_bad_answer_is_never_repeated_from_memory(self):
        answers = iter([RuntimeError, None])

        def check():
            wrong = next(answers)
            if wrong:
                raise wrong

        found = checks.Health({"database": check})
        self.assertEqual(found.look(), {"database": "RuntimeError"})
        self.assertEqual(found.look(), {"database": "ok"})
        self.assertEqual(found.look(), {"database": "ok"})

    def test_it_says_which_release_answers(self):
        found = checks.Health({"database": lambda: None})
        named = {"SLIPWAY_RELEASE": "20261121T101500-3f2c9d0e", "SLIPWAY_SLOT": "green"}
        with mock.patch.object(checks, "backing_services", found), mock.patch.dict("os.environ", named):
            answer = self.client.get("/api/health/").json()
        self.assertEqual((answer["release"], answer["slot"]), ("20261121T101500-3f2c9d0e", "green"))


class Slow(SimpleTestCase):
    def test_it_is_bounded(self):
        self.assertEqual(self.client.get("/api/slow/?seconds=0").json()["slept"], 0)
        self.assertEqual(self.client.get("/api/slow/?seconds=26").status_code, 400)


class Uploads(SimpleTestCase):
    def test_without_storage_there_is_no_address(self):
        self.assertEqual(self.client.post("/api/uploads/").status_code, 404)

    @override_settings(
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_S3_ENDPOINT_URL="https://nyc3.example.com",
        AWS_STORAGE_BUCKET_NAME="pictures",
    )
    def test_the_address_is_signed_and_does_not_hold_the_secret(self):
        answer = self.client.post("/api/uploads/").json()
        self.assertTrue(answer["url"].startswith("https://nyc3.example.com/pictures/avatars/"))
        self.assertRegex(answer["url"], r"&X-Amz-Signature=[0-9a-f]{64}$")
        self.assertNotIn("secret", answer["url"])
        self.assertIsNotNone(storage.upload_address())
