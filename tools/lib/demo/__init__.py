"""The demo: the shop on loopback, a tour with commands that a person could type, and a line of status."""
