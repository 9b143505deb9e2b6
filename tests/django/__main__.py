"""`make example-django`: a cluster, the operator from its chart, and the Django example by the commands of its page."""

import sys
import time

from tests.django.cluster import ShopOnCluster
from tests.tools.cluster import Cluster, programs
from tests.tools.cluster.progress import step
from tests.tools.showcase import main, with_operator

NAME = "django"
_GO_ON = "`make example-django` goes on where it stopped; `make example-django-down` removes everything."


def run(one: Cluster) -> bool:
    """Every step may have been done before."""
    started = time.monotonic()
    with_operator(one)
    shop = ShopOnCluster(one)
    with step("section 3 of docs/tutorials/django.md: database, migrations, nine pools, beat, web"):
        shop.bring_up()
    print(shop.kubectl("get", "taskfleet"), _next_steps(one, time.monotonic() - started), sep="\n")
    return True


def _next_steps(one: Cluster, seconds: float) -> str:
    return f"""\
The example took {seconds:.0f} s and goes on running. To look at it:

  export KUBECONFIG={one.kubeconfig} PATH="{programs.program("kubectl").parent}:$PATH"
  kubectl port-forward service/web 8000:80 &
  kubectl exec -it deployment/web -- python manage.py createsuperuser

    http://localhost:8000           the page: press buttons, watch states change
    http://localhost:8000/admin/    periodic tasks and results, for the user that you made

To try:

  kubectl get taskfleet             # pools, broker, queues, schedules
  kubectl exec deployment/web -- python manage.py shell \\
    --command='from orders.tasks import export; [export.delay(10) for _ in range(30)]'
  kubectl get workerpool exports --watch      # 3 pods, 10 pods, and 3 again
  kubectl delete pod default-broker-0         # the page may answer 503 for a moment; what it accepted is done
  kubectl logs --follow --prefix --selector=taskfleet.dev/pool=orders

docs/tutorials/django.md has the rest. `make example-django-down` removes every trace."""


if __name__ == "__main__":
    sys.exit(main(NAME, run, go_on=_GO_ON))
