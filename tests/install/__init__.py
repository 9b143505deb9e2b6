"""The ways to install a release, as the documentation shows them."""
