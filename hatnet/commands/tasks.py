"""The tasks that the command line knows."""

from hatnet.commands.classify import ClassifyCommand
from hatnet.commands.task import TaskCommand

COMMANDS: dict[str, TaskCommand] = {command.task.word: command for command in (ClassifyCommand(),)}
