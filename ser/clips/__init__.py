"""What a clip is: the manifest, the emotions, canonical audio."""
