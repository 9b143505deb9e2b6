"""A release: everything that users download, made from one commit, the same bytes wherever it is made.

It lies beside the other tools of the checkout, because it shares their lock file, and Helm and buildah with the test
clusters.
"""
