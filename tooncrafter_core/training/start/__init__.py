"""The networks that training begins with."""
