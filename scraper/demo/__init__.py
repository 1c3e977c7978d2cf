"""A small shop on loopback and the scaffold of a project, so that everything can be tried with no network."""
