"""Sprite sheets: drawings in one picture, with a table of their places for game engines."""
