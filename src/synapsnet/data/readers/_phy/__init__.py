"""The parts of the reader of Phy folders."""
