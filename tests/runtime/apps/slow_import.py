"""An app whose import takes long; the file says that it has begun."""

import os
import time
from pathlib import Path

from celery import Celery

Path(os.environ["IMPORT_BEGUN"]).touch()
time.sleep(60)
app = Celery("slow_import")
