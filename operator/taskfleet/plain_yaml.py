"""The YAML that Taskfleet writes: people read, edit and apply it."""

import yaml


class PlainDumper(yaml.SafeDumper):
    """Repeats shared values instead of using anchors and aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature of yaml
        return True
