"""The tasks that the command line knows."""

from hatnet.commands.classify import ClassifyCommand
from hatnet.commands.detect import DetectCommand
from hatnet.commands.segment import SegmentCommand
from hatnet.commands.task import TaskCommand

COMMANDS: dict[str, TaskCommand] = {command.task.word: command for command in (ClassifyCommand(), SegmentCommand(), DetectCommand())}


def command_for(task: str) -> TaskCommand:
    """The command of a task. Raises ValueError for a task of another version of hatnet."""
    if task not in COMMANDS:
        raise ValueError(f"the checkpoint is for the task {task}; this version of hatnet knows {', '.join(COMMANDS)}")
    return COMMANDS[task]
