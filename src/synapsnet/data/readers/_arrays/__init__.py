"""The parts of the reader of plain arrays."""
