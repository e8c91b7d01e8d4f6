#!/usr/bin/env python
"""Django's command line: migrate, collectstatic, check, test."""

import os
import sys


def main() -> None:
    settings = "config.settings_test" if sys.argv[1:2] == ["test"] else "config.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
