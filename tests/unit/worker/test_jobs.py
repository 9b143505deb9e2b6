from taskfleet_worker.pool.jobs import Jobs


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_job_runs_from_its_beginning_to_its_end_and_is_returned_once() -> None:
    jobs = Jobs(Clock())
    job = jobs.handed((), is_task=False)
    assert jobs.running == 0
    jobs.begun(job)
    assert jobs.running == 1
    jobs.ended(job)
    jobs.ended(job)
    assert (jobs.running, jobs.take_ended(), jobs.take_ended()) == (0, [job], [])


def test_a_task_that_has_ended_by_celerys_word_runs_no_more_though_the_pool_is_not_through() -> None:
    jobs, request = Jobs(Clock()), object()
    job = jobs.handed((request,), is_task=True)
    batch = jobs.handed((request,), is_task=False)
    jobs.begun(job)
    jobs.begun(batch)
    jobs.over(request)
    assert jobs.running == 1, "work that stands for messages ends when the pool says so"
    jobs.ended(job)
    assert jobs.take_ended() == [job]
    jobs.over(request)  # it may come late


def test_a_job_that_the_pool_refuses_never_ends() -> None:
    jobs = Jobs(Clock())
    jobs.refused(jobs.handed((), is_task=True))
    assert jobs.take_ended() == []


def test_a_pool_is_idle_with_work_from_its_last_sign_of_life() -> None:
    clock = Clock()
    jobs = Jobs(clock)
    first, _second = jobs.handed((), is_task=True), jobs.handed((), is_task=True)
    clock.now += 5
    assert jobs.idle_with_work() == 5
    jobs.begun(first)
    clock.now += 5
    assert jobs.idle_with_work() is None
    jobs.ended(first)
    clock.now += 7
    assert jobs.idle_with_work() == 7


def test_an_empty_pool_is_not_idle_with_work() -> None:
    assert Jobs(Clock()).idle_with_work() is None


def test_a_lost_job_ends_after_patience_and_not_if_it_is_found_again() -> None:
    clock, lost = Clock(), [True]
    jobs = Jobs(clock)
    job = jobs.handed((), is_task=True)
    job.is_lost = lambda: lost[0]
    jobs.end_lost(10)
    clock.now += 9
    jobs.end_lost(10)
    lost[0] = False
    jobs.end_lost(10)
    lost[0] = True
    clock.now += 9
    jobs.end_lost(10)
    assert jobs.take_ended() == []
    clock.now += 10
    jobs.end_lost(10)
    assert jobs.take_ended() == [job]


def test_the_requests_of_jobs_that_the_pool_has_are_known() -> None:
    jobs, request = Jobs(Clock()), object()
    job = jobs.handed((request,), is_task=True)
    assert jobs.requests == {id(request)}
    jobs.ended(job)
    assert jobs.requests == set()
