"""Send COUNT tasks named TASK of SECONDS each; their ids."""

import importlib
import json
import os

module, _, name = os.environ["TASK"].rpartition(".")
task = getattr(importlib.import_module(module), name)
seconds = float(os.environ["SECONDS"])
print(json.dumps([task.delay(seconds=seconds).id for _ in range(int(os.environ["COUNT"]))]))
