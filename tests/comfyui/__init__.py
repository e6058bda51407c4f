"""A real ComfyUI: started as a server for tests, or imported into the test process."""
