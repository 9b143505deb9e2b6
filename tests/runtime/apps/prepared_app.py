"""The app of prepared.py."""

import importlib

# Beside it on the path of a worker, which does not know this package.
app = importlib.import_module("prepared").make()


@app.task
def nothing() -> None:
    pass
