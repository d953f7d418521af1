"""'Measure on this machine': one job at a time for the whole server, in a thread, with its progress and a way to cancel it."""

import logging
import threading
from dataclasses import dataclass, field

from app.core.inference import forward_slots
from hatnet import timing

log = logging.getLogger("hatnet.app")
Setting = tuple[int, int, int, int]  # C, G1, G2, channels of one head

SIDES = (8, 16, 28, 40, 56)  # tokens down: plain MHSA would take a minute on larger maps
REPEATS = 7
_ONE_AT_A_TIME = threading.Lock()


@dataclass(eq=False)
class Job:
    """A measurement: the page reads it while the thread writes it."""

    setting: Setting
    progress: float = 0.0  # 0..1
    cancelled: bool = False  # set by the page
    done: bool = False
    failed: bool = False
    measured: dict[int, list[timing.Measured]] = field(default_factory=dict)  # tokens down -> one for each mechanism


def begin(setting: Setting) -> Job | None:
    """Start measuring attention layers of this setting; None while another visitor's measurement runs."""
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        return None
    job = Job(setting)
    threading.Thread(target=_run, args=(job,), daemon=True).start()
    return job


def results(job: Job | None, setting: Setting) -> dict[int, list[timing.Measured]]:
    """What a job measured, if it has finished and was for this setting: tokens down -> one for each mechanism; else nothing."""
    return job.measured if job and job.done and not job.cancelled and job.setting == setting else {}


def _run(job: Job) -> None:
    c, g1, g2, head_dim = job.setting
    weights = [side**2 for side in SIDES]  # larger maps take longer
    try:
        for index, side in enumerate(SIDES):

            def report(part: float, index: int = index) -> bool:
                job.progress = (sum(weights[:index]) + part * weights[index]) / sum(weights)
                return not job.cancelled

            with forward_slots:
                measured = timing.measure(side, side, c, g1, g2, head_dim, repeats=REPEATS, progress=report)
            if job.cancelled:
                break
            job.measured[side] = measured
    except Exception:
        log.exception("a measurement failed")
        job.failed = True
    finally:
        _ONE_AT_A_TIME.release()
        job.done = True
