"""What the same calls give in every release: asked, kept, and told where it changes."""
