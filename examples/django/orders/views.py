from celery.exceptions import TimeoutError as ResultTimeout
from celery.result import AsyncResult
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from kombu.exceptions import OperationalError

from orders.models import Run
from orders.tasks import total
from orders.works import PRICES, WORKS

SHOWN = 20
AT_ONCE = 100  # runs that one request may submit


@ensure_csrf_cookie
def page(request):
    return render(request, "orders/page.html", {"works": {name: label for name, (label, _) in WORKS.items()}})


def runs(request):
    """POST work=<name> and count=<number> submits; GET shows the newest runs."""
    if request.method == "POST":
        return _submit(request.POST.get("work", ""), request.POST.get("count", "1"))
    return JsonResponse({"runs": [_shown(run) for run in Run.objects.all()[:SHOWN]]})


def quote(request):
    """Waits for a result inside of a request. Only for tasks that are quick, and never without a timeout."""
    prices = [int(price) for price in request.GET.getlist("price")] or PRICES
    result = total.delay(prices)
    try:
        return JsonResponse({"total": result.get(timeout=10)})
    except ResultTimeout:
        return JsonResponse({"error": f"task {result.id} is not done after 10 s"}, status=504)


def healthz(request):
    return HttpResponse("alive")


def readyz(request):
    """The database is needed for every page; without the broker the page still shows what there is."""
    connection.ensure_connection()
    return HttpResponse("ready")


def _submit(work, count):
    if work not in WORKS or not count.isdecimal() or not 1 <= int(count) <= AT_ONCE:
        message = f"work has to be one of {', '.join(WORKS)}, and count from 1 to {AT_ONCE}."
        return JsonResponse({"error": message}, status=400)
    accepted = []
    for _ in range(int(count)):
        try:
            result = WORKS[work][1]()
        except OperationalError:  # the publish retry policy has given up
            message = f"The broker does not answer: {len(accepted)} of {count} accepted. Try again."
            return JsonResponse({"error": message, "accepted": accepted}, status=503)
        Run.objects.create(task_id=result.id, work=work)
        accepted.append(result.id)
    return JsonResponse({"accepted": accepted}, status=202)


def _shown(run):
    result = AsyncResult(run.task_id)
    state = result.state
    outcome = str(result.result) if state in ("SUCCESS", "FAILURE", "RETRY") else ""
    return {"id": run.task_id, "work": run.work, "state": state, "result": outcome}
