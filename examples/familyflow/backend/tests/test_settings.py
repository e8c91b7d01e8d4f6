"""What the environment may say, and what it must."""

from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from config import database, environment


class Environment(SimpleTestCase):
    def test_a_missing_variable_is_named(self):
        with mock.patch.dict("os.environ", clear=True), self.assertRaisesMessage(ImproperlyConfigured, "SECRET_KEY"):
            environment.required("SECRET_KEY")

    def test_a_flag_that_is_neither_is_refused_without_its_value(self):
        with mock.patch.dict("os.environ", {"DEBUG": "hunter2"}):
            with self.assertRaises(ImproperlyConfigured) as refused:
                environment.flag("DEBUG")
        self.assertNotIn("hunter2", str(refused.exception))

    def test_hosts_are_separated_by_commas(self):
        with mock.patch.dict("os.environ", {"ALLOWED_HOSTS": "a.example.com, b.example.com,"}):
            self.assertEqual(environment.words("ALLOWED_HOSTS"), ["a.example.com", "b.example.com"])


class Database(SimpleTestCase):
    def test_the_url_decides_over_the_defaults(self):
        found = database.from_url("postgresql://u:p%40ss@db.example.com:6543/postgres?sslmode=require&connect_timeout=9")
        self.assertEqual((found["PASSWORD"], found["PORT"]), ("p@ss", 6543))
        self.assertEqual(found["OPTIONS"]["sslmode"], "require")
        self.assertEqual(int(found["OPTIONS"]["connect_timeout"]), 9)
        self.assertTrue(found["CONN_HEALTH_CHECKS"])
