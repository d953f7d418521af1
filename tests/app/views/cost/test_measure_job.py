"""Measurements: one at a time, stopped when asked."""

from app.views.cost import measure_job
from tests.app.measuring import finish


def test_a_measurement_can_be_stopped(monkeypatch):
    monkeypatch.setattr(measure_job, "REPEATS", 1000)
    job = measure_job.begin((48, 4, 2, 24))
    job.cancelled = True
    finish(job)
    assert not job.measured
    again = measure_job.begin((48, 4, 2, 24))  # and the next may begin
    assert again
    again.cancelled = True
    finish(again)
