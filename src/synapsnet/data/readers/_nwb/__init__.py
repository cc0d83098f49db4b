"""The parts of the reader of NWB files."""
