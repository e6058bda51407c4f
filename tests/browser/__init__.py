"""The pack seen through ComfyUI's own page in a real browser."""
