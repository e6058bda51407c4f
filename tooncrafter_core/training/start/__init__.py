"""The networks that training begins with, and the LoRA products that it may add to them."""
