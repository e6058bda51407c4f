"""How well the rank of candidates knows true clips from spoilt ones, and good seeds from bad."""
