"""An app of somebody else, which a subprocess imports without the pool's."""

import os

from celery import Celery

app = Celery("stranger", broker=os.environ["PARTNER_URL"])
