"""What each process serves: `uvicorn` imports it anew in every one."""

import logging
import sys

from . import api, settings

found = settings.read()
logging.basicConfig(
    stream=sys.stdout,
    level=found.log_level,
    format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    datefmt="%Y-%m-%dT%H:%M:%S%z",
)
application = api.make(found)
