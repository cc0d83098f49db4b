"""The parts of the readers of ALF folders."""
