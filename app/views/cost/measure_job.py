"""'Measure on this machine': one job at a time for the whole server, in a thread, with progress and a way to stop it."""

import logging
import threading
from dataclasses import dataclass, field

from app.core.inference import forward_slots
from hatnet import timing

log = logging.getLogger("hatnet.app")
_ONE = threading.Lock()
SIDES = (8, 16, 28, 40, 56)  # tokens down: larger maps would take a minute with plain MHSA
REPEATS = 7


@dataclass(eq=False)
class Job:
    """A measurement, from its start on: the page reads it while the thread writes it."""

    setting: tuple[int, int, int, int]  # C, G1, G2, channels of a head
    part: float = 0.0  # 0..1
    stop: bool = False  # set by the page
    done: bool = False
    problem: bool = False
    found: dict[int, list[timing.Measured]] = field(default_factory=dict)  # tokens down -> one for each mechanism


def begin(setting: tuple[int, int, int, int]) -> Job | None:
    """Start measuring attention layers of (C, G1, G2, channels of a head); None while another visitor's measurement runs."""
    if not _ONE.acquire(blocking=False):
        return None
    job = Job(setting)
    threading.Thread(target=_run, args=(job,), daemon=True).start()
    return job


def _run(job: Job) -> None:
    c, g1, g2, head_dim = job.setting
    weight = [side**2 for side in SIDES]  # larger maps take longer
    try:
        for index, side in enumerate(SIDES):

            def progress(part: float, index: int = index) -> bool:
                job.part = (sum(weight[:index]) + part * weight[index]) / sum(weight)
                return not job.stop

            with forward_slots:
                found = timing.measure(side, side, c, g1, g2, head_dim, repeats=REPEATS, progress=progress)
            if job.stop:
                break
            job.found[side] = found
    except Exception:
        log.exception("a measurement failed")
        job.problem = True
    finally:
        _ONE.release()
        job.done = True
