"""What runs inside every worker pod beside the user's Celery app. Needs nothing but Celery itself."""
