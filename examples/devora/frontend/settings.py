"""Prints what the page has to know, as JSON: where the API is, and which version this is."""

import json
import os
import re
import sys
from pathlib import Path

ORIGIN = re.compile(r"(https?://[^/\s]+)?/?")

version = os.environ.get("VERSION") or Path(__file__).with_name("version.txt").read_text().strip()
backend = os.environ.get("REACT_APP_BACKEND_URL", "").strip()
if not ORIGIN.fullmatch(backend):
    sys.exit("REACT_APP_BACKEND_URL should be an origin, such as https://example.com, or empty")
print(json.dumps({"version": version, "backend": backend.rstrip("/")}))
