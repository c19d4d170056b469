"""One file per web framework; nothing here imports one, so that each needs only its own."""
