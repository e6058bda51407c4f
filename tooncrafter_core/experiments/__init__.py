"""The paper's ablations at a small size: trainings over seeds that differ in one setting."""
