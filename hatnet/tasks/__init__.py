"""Tasks: what `train_small.py --task` can train for. All go through the one loop of `hatnet/training.py`.

Read in this order:
    task.py             what a task must provide, and what a set of training images must
    classify.py         a class for each image, or for each of several places in it
    segment.py          a class for each pixel
    detect.py           boxes of objects, and their masks
"""

from hatnet.tasks.classify import Classify
from hatnet.tasks.detect import Detect
from hatnet.tasks.segment import Segment
from hatnet.tasks.task import Task

TASKS: dict[str, Task] = {task.word: task for task in (Classify(), Segment(), Detect())}
