"""The parts of tools/drill: who asks, what fails, and what is said about it."""
