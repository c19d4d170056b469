"""What each kind of token must say. Pure: claims in, claims or records out; `now` is an argument."""
