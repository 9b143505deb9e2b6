"""An app whose import takes long; the file says that it has begun."""

import os
import time
from pathlib import Path

from celery import Celery

Path(os.environ["IMPORT_BEGUN"]).touch()
# In short steps, as an import is: Python notices no signal that comes just before a system call that blocks.
for _ in range(6000):
    time.sleep(0.01)
app = Celery("slow_import")
