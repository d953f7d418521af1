"""Waiting for a measurement of Cost."""

import time


def finish(job):
    """Wait until the job has ended."""
    end = time.monotonic() + 60
    while not job.done and time.monotonic() < end:
        time.sleep(0.02)
    assert job.done
