"""Bills of materials in SPDX 2.3: what each artifact of a release holds, to the last file of a Python package."""
