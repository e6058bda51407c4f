"""What the project costs in work, memory and time; see README.md."""
