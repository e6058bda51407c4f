"""An episode: many cuts in one folder, what became of each, and a page about all of them."""
