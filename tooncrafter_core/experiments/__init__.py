"""The paper's experiments in small: trainings over seeds that differ in one thing."""
